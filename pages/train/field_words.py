"""What stands under a field of the form: its description, with other fields called as they are called there."""

import re

from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe

METHOD_HELP = {
    "sft": "Learns the answers of chats or of prompts with completions. The usual start.",
    "cpt": "Learns plain text as it stands, such as books or code: continued pre-training.",
    "dpo": "Learns to prefer the better of two answers. The usual one for preferences.",
    "orpo": "Learns the preferred answer and the preference at once, so it needs no training before.",
    "kto": "Learns from single answers marked good or bad; no pairs are needed.",
    "simpo": "Learns preferences without a second copy of the model in memory.",
    "cpo": "Learns preferences and imitates the preferred answer as well.",
    "reward": "Makes a model that gives answers a score, to judge them in grpo or rloo.",
    "grpo": "Learns from its own answers: several to each prompt, compared by rules that give rewards.",
    "rloo": "Learns from its own answers: each is compared with the mean of the others.",
    "gkd": "Learns to answer as a larger model does, also on answers of its own.",
}
_NAMES = re.compile("|".join(sorted((rf"\b{name}\b" for name in Recipe.model_fields if "_" in name), key=len)[::-1]))

_CALLED = re.compile(r",? by its id or name(; NAME/2 is its version 2)?,?")  # in YAML; in the form it is chosen


def help_of(name: str) -> str:
    """The field's description in the words of the form."""
    text = _CALLED.sub("", Recipe.model_fields[name].description or "")
    return _NAMES.sub(lambda match: f"“{Recipe.model_fields[match[0]].title}”", text)


def dataset_help(method: str) -> str:
    """What rows a method learns from."""
    kinds = " or ".join(METHODS[method].kinds)
    return f"{help_of('dataset_id')} {method.upper() if len(method) < 6 else method} learns from {kinds} rows."
