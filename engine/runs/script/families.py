"""Which module writes the parts of a script for each method."""

from collections.abc import Callable

from engine.errors import RefusedError
from engine.runs.script import distil, preference, reinforce, reward, supervised
from engine.runs.script.parts import Parts
from engine.runs.script.told import Told

FAMILIES: dict[str, Callable[[Told], Parts]] = {
    "sft": supervised.parts,
    "cpt": supervised.parts,
    "dpo": preference.parts,
    "orpo": preference.parts,
    "kto": preference.parts,
    "simpo": preference.parts,
    "cpo": preference.parts,
    "reward": reward.parts,
    "grpo": reinforce.parts,
    "rloo": reinforce.parts,
    "gkd": distil.parts,
}


def parts(told: Told) -> Parts:
    """Raises RefusedError for a method of which there is no script."""
    family = FAMILIES.get(told.recipe.method)
    if family is None:
        hint = f"There are scripts of: {', '.join(FAMILIES)}."
        raise RefusedError(f"There is no script for the method {told.recipe.method}.", hint)
    return family(told)
