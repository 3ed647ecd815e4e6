"""Which module writes the parts of a script for each method."""

from collections.abc import Callable

from engine.errors import RefusedError
from engine.runs.script import reward, supervised
from engine.runs.script.parts import Parts
from engine.runs.script.told import Told

FAMILIES: dict[str, Callable[[Told], Parts]] = {
    "sft": supervised.parts,
    "cpt": supervised.parts,
    "reward": reward.parts,
}


def parts(told: Told) -> Parts:
    """Raises RefusedError for a method of which there is no script."""
    family = FAMILIES.get(told.recipe.method)
    if family is None:
        hint = f"There are scripts of: {', '.join(FAMILIES)}."
        raise RefusedError(f"There is no script for the method {told.recipe.method}.", hint)
    return family(told)
