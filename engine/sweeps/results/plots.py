"""What the charts of a sweep draw, as one JSON: its fields, its objectives, its trials. Pure.

All charts of a page share this one answer. `version` changes with what it says: who has it is not sent it again.
`points` changes with what most charts draw, so that none is drawn anew because a share was worked out meanwhile.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from engine.recipes.recipe import Recipe
from engine.runs import metric_groups
from engine.sweeps.picture import Picture, start
from engine.sweeps.spec import MEMORY, SECONDS, SIZE, TASTE, TOKENS, Choices, Dimension, Direction, Objective
from engine.sweeps.study import Trial

COSTS = {SECONDS: ("Time of training", "seconds"), TOKENS: ("Tokens trained on", "tokens"),
         MEMORY: ("Most memory taken", "bytes"), SIZE: ("Size of the result", "bytes"),
         TASTE: ("Taste", "")}  # fmt: skip


def plots(picture: Picture, importance: dict[str, Any]) -> dict[str, Any]:
    """The answer. `importance` is what `engine.sweeps.importance` says of it."""
    told = {
        "name": picture.name,
        "moving": picture.is_moving,
        "start": start(picture.spec),
        "fields": [field(name, dimension) for name, dimension in picture.spec.space.items()],
        "objectives": [objective(one) for one in picture.spec.objectives],
        "trials": [_trial(trial) for trial in picture.trials],
        "front": front(picture.trials, [one.direction for one in picture.spec.objectives]),
    }
    points = _hash(told)
    return {"version": _hash([points, importance]), "points": points, **told, "importance": importance}


def _hash(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def field(name: str, dimension: Dimension) -> dict[str, Any]:
    """A field of the space, as an axis."""
    axis = {"name": name, "title": title(name)}
    if isinstance(dimension, Choices):
        return axis | {"choices": list(dimension.choices), "log": False, "low": None, "high": None}
    return axis | {"choices": None, "log": dimension.log, "low": dimension.low, "high": dimension.high}


def title(name: str) -> str:
    """A recipe's field as the Train form calls it."""
    known = Recipe.model_fields.get(name)
    return (known.title if known else None) or name


def objective(one: Objective) -> dict[str, Any]:
    """An objective, in words and with the unit of its values."""
    if one.metric in COSTS:
        words, unit = COSTS[one.metric]
    else:
        chart = metric_groups.charts({one.metric})[0]
        words, unit = chart.title, str(chart.unit)
        words += " on the held-out rows" if one.metric.startswith(metric_groups.HELD_OUT) else ""
    return {"metric": one.metric, "title": words, "direction": one.direction, "unit": unit}


def _trial(trial: Trial) -> dict[str, Any]:
    last = max(trial.steps, default=None)
    reached = {"step": last, "last": None if last is None else trial.steps[last]}
    return trial.model_dump(exclude={"steps"}) | reached


def front(trials: Sequence[Trial], directions: Sequence[Direction]) -> list[int]:
    """The trials of the search that no other beats in every objective: the Pareto front, by the first objective."""
    done = [trial for trial in trials if trial.phase == "search" and trial.state == "complete" and trial.values]
    kept: list[tuple[tuple[float, ...], int]] = []
    for own, number in sorted((_costs(trial, directions), trial.number) for trial in done):
        if not any(_beats(other, own) for other, _ in kept):  # who beats it comes before it in this order
            kept.append((own, number))
    return [number for _, number in kept]


def _costs(trial: Trial, directions: Sequence[Direction]) -> tuple[float, ...]:
    pairs = zip(trial.values or (), directions, strict=False)
    return tuple(value if direction == "minimize" else -value for value, direction in pairs)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """As good in everything, and better in something."""
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
