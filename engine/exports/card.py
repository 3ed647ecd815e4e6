"""The card that goes with a model: what it is, what it was trained on and how, what was measured, how to use it.

Nothing in it names a folder of this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from engine.recipes.choices import tunings
from engine.recipes.recipe import Recipe

Kind = Literal["adapter", "merged"]

LICENCES = ("apache-2.0", "mit")  # of those a model folder is recognised by, the ones the hub knows by that name
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM takes as --max-lora-rank
ALWAYS_TOLD = ("method", "tuning")
# Of this machine or this studio alone: ids, addresses, a person's own code.
NOT_TOLD = ("main_process_ip", "main_process_port", "reward_code", "start_from", "report_to", "tracker_project")


@dataclass(frozen=True)
class Facts:
    """What the card tells."""

    name: str  # of the run
    folder_name: str  # what its new owner's folder is called
    kind: Kind
    base_name: str  # its id on the hub, or what the studio calls it
    on_hub: bool  # whether base_name can be loaded from there
    licence: str | None
    dataset: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, float]  # the last value of each
    step: int
    versions: Mapping[str, str]
    rank: int | None = None  # of a LoRA, as it is saved
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The base as an argument of from_pretrained."""
        return self.base_name if self.on_hub else f"FOLDER_OF_{self.base_name}"


def text(facts: Facts) -> str:
    """The card as Markdown, with the hub's fields first."""
    parts = (
        f"---\n{yaml.safe_dump(_head(facts), sort_keys=False)}---",
        f"# {facts.name}",
        _about(facts),
        "## Use it",
        _fence("python", loading(facts)),
        _serving(facts),
        "## Measured at the end",
        _metrics(facts),
        "## Recipe",
        "What differs from Tunesmith's defaults:",
        _fence("yaml", yaml.safe_dump(_recipe(facts.recipe), sort_keys=False, allow_unicode=True).rstrip()),
        "## Licence",
        _licence(facts),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: Facts) -> dict[str, Any]:
    head: dict[str, Any] = {"base_model": facts.base_name} if facts.on_hub else {}
    if facts.licence in LICENCES:
        head["license"] = facts.licence
    return head | {
        "library_name": "peft" if facts.kind == "adapter" else "transformers",
        "pipeline_tag": "text-classification" if _scores(facts) else "text-generation",
        "tags": ["tunesmith", str(facts.recipe.get("method", "")), str(facts.recipe.get("tuning", ""))],
    }


def _scores(facts: Facts) -> bool:
    return facts.recipe.get("method") == "reward"


def _about(facts: Facts) -> str:
    what = "An adapter for" if facts.kind == "adapter" else "A whole model, made from"
    method, tuning = facts.recipe.get("method"), facts.recipe.get("tuning")
    trained = f"Trained with Tunesmith by {method} ({tuning}) on the dataset {facts.dataset}, {facts.step:,} steps."
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    lines = (f"{what} {facts.base_name}.", trained, f"With {versions}." if versions else "", *facts.notes)
    return "\n".join(line for line in lines if line)


def loading(facts: Facts) -> str:
    """Python that loads it and asks it something."""
    model_class = "AutoModelForSequenceClassification" if _scores(facts) else "AutoModelForCausalLM"
    labels = ", num_labels=1" if _scores(facts) else ""
    lines = [f"from transformers import {model_class}, AutoTokenizer", ""]
    if facts.kind == "adapter":
        base = f'base = {model_class}.from_pretrained("{facts.base}"{labels})'
        lines = ["from peft import PeftModel", *lines, base]
        lines.append(f'model = PeftModel.from_pretrained(base, "{facts.folder_name}")')
    else:
        lines.append(f'model = {model_class}.from_pretrained("{facts.folder_name}")')
    return "\n".join([*lines, f'tokenizer = AutoTokenizer.from_pretrained("{facts.folder_name}")'])


def _serving(facts: Facts) -> str:
    if _scores(facts):
        return "It gives a score for a text, and writes none."
    if facts.kind == "merged":
        return "With vLLM:\n\n" + _fence("sh", f"vllm serve {facts.folder_name}")
    if reason := not_in_vllm(facts.recipe):
        return f"vLLM does not load this adapter ({reason}): take the merged model for it."
    rank = next((rank for rank in LORA_RANKS if rank >= (facts.rank or 1)), LORA_RANKS[-1])
    command = f"vllm serve {facts.base} --enable-lora --max-lora-rank {rank} --lora-modules tuned={facts.folder_name}"
    return "With vLLM, where the model is then called `tuned`:\n\n" + _fence("sh", command)


def not_in_vllm(recipe: Mapping[str, Any]) -> str:
    """Why vLLM does not load such an adapter; empty when it does."""
    tuning = tunings.TUNINGS.get(str(recipe.get("tuning", "lora")))
    if tuning is None or not tuning.vllm:
        return f"its tuning is {recipe.get('tuning')}"
    if recipe.get("use_dora"):
        return "it uses DoRA"
    return "it holds whole modules" if recipe.get("modules_to_save") else ""


def _metrics(facts: Facts) -> str:
    if not facts.metrics:
        return "Nothing was measured."
    rows = [f"| {name} | {value:.4g} |" for name, value in sorted(facts.metrics.items())]
    return "\n".join(["| metric | value |", "|---|---|", *rows])


def _recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    fields = Recipe.model_fields
    return {
        name: value
        for name, value in recipe.items()
        if name in ALWAYS_TOLD
        or (name in fields and value != fields[name].default and not name.endswith("_id") and name not in NOT_TOLD)
    }


def _licence(facts: Facts) -> str:
    if facts.licence is None:
        return f"The licence of {facts.base_name} is not known here. Look at its page before you pass this on."
    return f"{facts.base_name} has the licence {facts.licence}; it also holds for what is made from it."


def _fence(language: str, content: str) -> str:
    return f"```{language}\n{content}\n```"
