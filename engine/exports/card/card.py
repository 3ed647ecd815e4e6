"""The card that goes with a model: what it is, what it was trained on and how, what was measured, how to use it.

Nothing in it names a folder of this machine.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from engine.exports.card import measured, using
from engine.exports.card.told import Facts, fence
from engine.recipes.recipe import Recipe

LICENCES = ("apache-2.0", "mit")  # of those a model folder is recognised by, the ones the hub knows by that name
LIBRARIES = {"adapter": "peft", "merged": "transformers", "gguf": "gguf"}
TAG = "tunesmith"  # by it a later push knows that a repository is one of the studio's
ALWAYS_TOLD = ("method", "tuning")
# Of this machine or this studio alone: ids, addresses, a person's own code.
NOT_TOLD = ("main_process_ip", "main_process_port", "reward_code", "start_from", "report_to", "tracker_project")


def text(facts: Facts) -> str:
    """The card as Markdown, with the hub's fields first."""
    parts = (
        f"---\n{yaml.safe_dump(_head(facts), sort_keys=False)}---",
        f"# {facts.name}",
        _about(facts),
        "## Use it",
        using.text(facts),
        "## Data",
        "\n".join([f"The dataset {facts.dataset}.", *facts.data]),
        "## Measured at the end",
        measured.text(facts),
        "## Limits",
        _limits(facts),
        "## Recipe",
        "What differs from Tunesmith's defaults:",
        fence("yaml", yaml.safe_dump(_recipe(facts.recipe), sort_keys=False, allow_unicode=True).rstrip()),
        "## Licence",
        _licence(facts),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: Facts) -> dict[str, Any]:
    head: dict[str, Any] = {"base_model": facts.base_name} if facts.on_hub else {}
    if facts.licence in LICENCES:
        head["license"] = facts.licence
    return head | {
        "library_name": LIBRARIES[facts.kind],
        "pipeline_tag": "text-classification" if facts.scores else "text-generation",
        "tags": [TAG, str(facts.recipe.get("method", "")), str(facts.recipe.get("tuning", ""))],
    }


def _about(facts: Facts) -> str:
    what = "An adapter for" if facts.kind == "adapter" or facts.base_file else "A whole model, made from"
    method, tuning = facts.recipe.get("method"), facts.recipe.get("tuning")
    trained = f"Trained with Tunesmith by {method} ({tuning}) on the dataset {facts.dataset}, {facts.step:,} steps."
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    lines = (f"{what} {facts.base_name}.", trained, f"With {versions}." if versions else "", *facts.notes)
    return "\n".join(line for line in lines if line)


def _limits(facts: Facts) -> str:
    """What nobody has looked at, and what the training cannot have taught."""
    longest = facts.recipe.get("max_length") or Recipe.model_fields["max_length"].default
    lines = [
        f"It learnt from rows of at most {longest:,} tokens, and from nothing but the data above: outside of it expect "
        f"what {facts.base_name} does, or worse.",
        "What is not under Measured was not measured: safety, bias and truth among it.",
    ]
    if facts.parity and facts.parity.get("good") is False:
        lines.append(
            f"This export answers differently from what was trained. {facts.parity.get('cause') or ''}".strip()
        )
    return "\n".join(lines)


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
