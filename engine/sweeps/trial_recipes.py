"""The recipe of each trial: the sweep's own with the trial's settings, cheaper while searching if that was asked for.

A share of the data is a share of the rows that are read: fewer epochs, or fewer steps. The rows that are held out stay
the same, so that values can be compared.
"""

from collections.abc import Mapping
from typing import Any

from engine.recipes import provenance
from engine.recipes.recipe import Recipe, parse
from engine.sweeps import space
from engine.sweeps.spec import Choices, Dimension, Proxy, SweepSpec, Value
from engine.sweeps.study import Phase

_SEEDS = 2**32
_CLOSE = 1e-6  # of a step


def of(spec: SweepSpec, params: Mapping[str, Value], phase: Phase = "search", seed: int | None = None) -> Recipe:
    """Raises RefusedError for a combination that no recipe has."""
    recipe = space.concrete(spec.recipe, params)
    changes: dict[str, Any] = {} if seed is None else {"seed": seed}
    if spec.proxy is not None and phase != "full":
        changes |= _cheaper(recipe, spec.proxy)
    return parse(recipe.model_dump() | changes) if changes else recipe


def origins(spec: SweepSpec, params: Mapping[str, Value], recipe: Recipe) -> dict[str, str]:
    """Where each value of a trial's recipe came from: the search and what it shortens, or what all trials share."""
    values = recipe.model_dump()
    shared = {
        name: provenance.SWEEP_RECIPE
        for name in provenance.changed(values)
        if provenance.is_same_value(values[name], spec.recipe.get(name, provenance.default(name)))
    }
    own = [name for name in provenance.changed(values) if name not in shared]
    return shared | dict.fromkeys((*own, *params), provenance.SWEEP)


def _cheaper(recipe: Recipe, proxy: Proxy) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    steps = recipe.max_steps
    if proxy.data_share is not None and steps > 0:
        steps = changes["max_steps"] = max(1, round(steps * proxy.data_share))
    elif proxy.data_share is not None:
        changes["num_train_epochs"] = recipe.num_train_epochs * proxy.data_share
    if proxy.max_steps is not None and not 0 < steps <= proxy.max_steps:
        changes["max_steps"] = proxy.max_steps
    return changes


def other_seed(spec: SweepSpec, params: Mapping[str, Value], nth: int) -> int:
    """The seed of the nth repeat of a trial, from 1."""
    own = params.get("seed", spec.recipe.get("seed", Recipe.model_fields["seed"].default))
    return (int(own or 0) + nth) % _SEEDS


def own_settings(spec: SweepSpec) -> dict[str, Value] | None:
    """The recipe's own values of what is searched, where the space has them: the first trial tries these.

    None where the space has none such.
    """
    values = {
        name: spec.recipe.get(name, Recipe.model_fields[name].default)
        for name in spec.space
        if name in Recipe.model_fields
    }
    is_inside = all(name in values and contains(part, values[name]) for name, part in spec.space.items())
    return values if is_inside else None


def contains(part: Dimension, value: Value) -> bool:
    """Whether a value is one of a dimension's."""
    if isinstance(part, Choices):
        return any(provenance.is_same_value(value, choice) for choice in part.choices)
    if isinstance(value, bool) or not isinstance(value, int | float) or not part.low <= value <= part.high:
        return False
    if part.step is None:
        return True
    steps = (value - part.low) / part.step
    return abs(steps - round(steps)) < _CLOSE
