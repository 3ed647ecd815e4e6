"""What PEFT is told for each tuning of a recipe, and which weights freeze leaves free."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from peft import (
    BOFTConfig,
    IA3Config,
    LoraConfig,
    OFTConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
)
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

from engine.recipes.choices.tuning_sizes import is_one_of, names
from engine.recipes.choices.tunings import MOVED_STARTS, TUNINGS, leaves_model
from engine.recipes.recipe import Recipe
from engine.workers import networks
from engine.workers.contract import WorkFailedError

SCORE = "score"  # the head of a reward model: new, so it is trained whole


def adapter(recipe: Recipe, model: PreTrainedModel, new_tokens: tuple[int, ...] = ()) -> PeftConfig | None:
    """PEFT's configuration, or None when weights are trained as they are, or an earlier run's adapter is trained on.

    LoRA also trains the embeddings of `new_tokens`. Raises WorkFailedError when no module has such a name, or a size
    does not fit the model's layers.
    """
    if leaves_model(recipe.tuning) or isinstance(model, PeftModel):
        return None
    shared: dict[str, Any] = {"task_type": "SEQ_CLS" if recipe.method == "reward" else "CAUSAL_LM"}
    if TUNINGS[recipe.tuning].layers:
        shared["target_modules"] = _targets(recipe.target_modules, model)
        shared["modules_to_save"] = _modules_to_save(recipe, model)
    if new_tokens:
        shared["trainable_token_indices"] = _trained_rows(model, new_tokens, shared["modules_to_save"] or [])
    return MAKERS[recipe.tuning](recipe, model, shared)


def _lora(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> LoraConfig:
    initialisation: Any = recipe.init_lora_weights
    return LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        use_rslora=recipe.use_rslora,
        use_dora=recipe.use_dora,
        # Starts that are no zero are given later, beside the base instead of in it: see starts.py.
        init_lora_weights=True if initialisation in ("default", *MOVED_STARTS) else initialisation,
        **shared,
    )


def _oft(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> OFTConfig:
    return OFTConfig(oft_block_size=recipe.oft_block_size, **shared)


def _boft(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> BOFTConfig:
    size, factors = recipe.boft_block_size, recipe.boft_n_butterfly_factor
    divisor = size * 2 ** (factors - 1)
    target_names = names(recipe.target_modules)
    for name, module in _linear_layers(model):
        is_target = target_names == ["all-linear"] or is_one_of(name, target_names)
        if is_target and module.weight.shape[1] % divisor:
            message = f"The layer {name} has {module.weight.shape[1]} inputs, which is not a multiple of {divisor}."
            raise WorkFailedError("config", message, "Choose a boft_block_size that divides the inputs of every layer.")
    return BOFTConfig(boft_block_size=size, boft_n_butterfly_factor=factors, **shared)


def _ia3(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> IA3Config:
    return IA3Config(feedforward_modules=[], **shared)


def _prompt(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> PromptTuningConfig:
    initialisation: dict[str, Any] = {"prompt_tuning_init": "SAMPLE_VOCAB"}
    if text := recipe.prompt_tuning_init_text.strip():
        initialisation = {"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": text}
        initialisation["tokenizer_name_or_path"] = model.config.name_or_path
    return PromptTuningConfig(num_virtual_tokens=recipe.num_virtual_tokens, **initialisation, **shared)


def _prefix(recipe: Recipe, model: PreTrainedModel, shared: dict[str, Any]) -> PrefixTuningConfig:
    return PrefixTuningConfig(num_virtual_tokens=recipe.num_virtual_tokens, **shared)


MAKERS: dict[str, Callable[[Recipe, PreTrainedModel, dict[str, Any]], PeftConfig]] = {
    "lora": _lora,
    "qlora": _lora,
    "oft": _oft,
    "boft": _boft,
    "ia3": _ia3,
    "prompt": _prompt,
    "prefix": _prefix,
}


def _linear_layers(model: PreTrainedModel) -> list[tuple[str, Any]]:
    """Every linear layer but the head: no adapter is trained there."""
    head = model.get_output_embeddings()
    linear_modules = (
        (name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)
    )
    return [
        (name, module) for name, module in linear_modules if module is not head and name.rpartition(".")[2] != SCORE
    ]


def _targets(target_modules: str, model: PreTrainedModel) -> str | list[str]:
    target_names = names(target_modules)
    if target_names == ["all-linear"]:
        return "all-linear"
    _check_names(target_names, [name for name, _ in _linear_layers(model)], "linear layer", "adapt")
    return target_names


def _modules_to_save(recipe: Recipe, model: PreTrainedModel) -> list[str] | None:
    module_names = names(recipe.modules_to_save)
    _check_names(module_names, [name for name, _ in model.named_modules() if name], "module", "train whole")
    return [*module_names, *([SCORE] if recipe.method == "reward" else [])] or None


def _trained_rows(
    model: PreTrainedModel, new_tokens: tuple[int, ...], modules_to_save: list[str]
) -> dict[str, list[int]]:
    """The new rows of each embedding that is not trained whole anyway."""
    layers = networks.embeddings(model)
    names_in_model = [name.rpartition(".")[2] for name, module in model.named_modules() if module in layers]
    return {name: list(new_tokens) for name in names_in_model if name not in modules_to_save}


def _check_names(chosen_names: Iterable[str], module_names: list[str], kind: str, purpose: str) -> None:
    for name in chosen_names:
        if not any(is_one_of(module_name, [name]) for module_name in module_names):
            offered = ", ".join(
                sorted({module_name.rpartition(".")[2] for module_name in module_names} - set("0123456789"))[:30]
            )
            message = f"The model has no {kind} `{name}` to {purpose}."
            raise WorkFailedError("config", message, f"Choose from: {'all-linear, ' * (kind[0] == 'l')}{offered}.")


def free_last_layers(recipe: Recipe, model: PreTrainedModel) -> None:
    """Freezes everything but the last decoder layers and the modules that the recipe names; a new head stays free.

    Raises WorkFailedError when the model has no such layers or modules.
    """
    layers = getattr(model.base_model, "layers", None) or getattr(model.base_model, "h", None)
    if layers is None or recipe.freeze_trainable_layers > len(layers):
        message = f"The model has {len(layers or ())} decoder layers that freeze could train, not the ones asked for."
        raise WorkFailedError("config", message, "Lower freeze_trainable_layers, or use tuning full.")
    extra_modules = names(recipe.freeze_extra_modules)
    _check_names(extra_modules, [name for name, _ in model.named_modules() if name], "module", "train")
    model.requires_grad_(False)
    layers[-recipe.freeze_trainable_layers :].requires_grad_(True)
    for name, module in model.named_modules():
        if is_one_of(name, [*extra_modules, SCORE]):
            module.requires_grad_(True)


def puts_tokens_before(model: torch.nn.Module) -> bool:
    """Whether learnt tokens stand before every row; calling the decoder by itself would leave them out."""
    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)


def has_new_rows(model: PeftModel) -> bool:
    """Whether the adapter holds embeddings of single tokens."""
    return bool(getattr(model.active_peft_config, "trainable_token_indices", None))
