"""The model of a script: how it is loaded, and which of its weights are trained."""

from dataclasses import dataclass, field
from typing import Any

from engine.recipes.choices.optimisers import OPTIMISERS
from engine.recipes.choices.tuning_sizes import names
from engine.recipes.choices.tunings import TUNINGS
from engine.runs.script import settings
from engine.runs.script.told import Told


@dataclass(frozen=True)
class Weights:
    """Pieces that leave `model` and `peft_config`, in order; `mixed_in` stand before the trainer's class."""

    pieces: list[str]
    imports: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    mixed_in: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    adapter: str = ""  # PEFT's class of configuration

    def with_mixin(self, text: str) -> str:
        """The trainer's text with what belongs before and among it."""
        if self.adapter:
            text = text.replace(PEFT_LINE, f"peft_config = {self.adapter}(**ADAPTER)", 1)
        first = "".join(f"{MIXINS[name]}, " for name in self.mixed_in)
        return text.replace("class Trainer(", f"class Trainer({first}", 1)


MIXINS = {"loraplus": "LoraPlus", "weighed_steps": "WeighedSteps"}
PEFT_LINE = "peft_config = PeftConfig(**ADAPTER)"


def of(told: Told, loading: str = "model") -> Weights:
    """The weights of a run; `loading` is the piece that loads a model that is not quantised."""
    recipe = told.recipe
    packages = list(OPTIMISERS[recipe.optim].packages)
    constants: dict[str, Any] = {"DTYPE": settings.weights_dtype(told), "ATTENTION": told.facts.attention}
    pieces = [loading]
    if TUNINGS[recipe.tuning].quantises:
        pieces = ["model_quantised"]
        packages.append("bitsandbytes")
        constants |= {"QUANTISED": settings.quantised(told), "DEVICE": "cpu" if told.on_cpu else "cuda:0"}
    pieces.append("fits")
    kind, adapter = _trained(told, pieces, constants)
    mixed_in = ["loraplus"] if recipe.loraplus_lr_ratio is not None else []
    if mixed_in:
        constants["LORAPLUS_RATIO"] = recipe.loraplus_lr_ratio
    if told.facts.liger_kernel:
        packages.append("liger-kernel")
    if recipe.strategy.startswith("deepspeed"):
        packages.append("deepspeed")
    imports = [f"from peft import {adapter}"] if adapter else []
    return Weights([*pieces, kind], imports, list(dict.fromkeys(packages)), constants, mixed_in, [], adapter)


def _trained(told: Told, pieces: list[str], constants: dict[str, Any]) -> tuple[str, str]:
    """The piece that says what is trained, and PEFT's class for it where there is one."""
    recipe = told.recipe
    if told.spec.get("adapter_path"):
        constants["START"] = told.place("adapter_path", "adapter")
        return "further", ""
    if recipe.tuning == "freeze":
        extra = [*names(recipe.freeze_extra_modules), "score"]
        constants |= {"TRAINED_LAYERS": recipe.freeze_trainable_layers, "TRAINED_MODULES": extra}
        return "freeze", ""
    if recipe.tuning == "full":
        return "whole_model", ""
    constants["ADAPTER"] = settings.adapter(recipe)
    return "adapter_words" if "prompt_tuning_init_text" in constants["ADAPTER"] else "adapter", settings.PEFT_CLASSES[
        recipe.tuning
    ]
