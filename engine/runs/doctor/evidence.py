"""What the doctor looks at (a `Case`), what it says (a `Finding`), and what each of its rules is made of (a `Rule`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy

from engine.recipes.methods import GENERATING
from engine.recipes.recipe import Recipe
from storage.tables import RunFacts

Severity = Literal["info", "warning", "error"]
Numbers = numpy.ndarray[Any, numpy.dtype[numpy.float64]]


class Curve(NamedTuple):
    """A metric: whole numbers of steps, rising, and a value each."""

    steps: Numbers
    values: Numbers

    def __len__(self) -> int:  # of points, not of fields
        return int(self.steps.size)

    @property
    def last_step(self) -> int:
        return int(self.steps[-1])


NOTHING = Curve(numpy.empty(0), numpy.empty(0))


@dataclass(frozen=True)
class Case:
    """A run as the rules see it. `recipe` is the one in force, with what the studio adjusted."""

    curves: Mapping[str, Curve]
    recipe: Recipe
    facts: RunFacts = field(default_factory=RunFacts)
    max_steps: int | None = None
    ended: bool = False

    def curve(self, name: str) -> Curve:
        """The metric where it is a number; infinity is none, as it is not less than itself."""
        steps, values = self.with_infinity(name)
        finite = numpy.isfinite(values)
        return Curve(steps[finite], values[finite])

    def with_infinity(self, name: str) -> Curve:
        """Every point of the metric; a curve without points where there is none."""
        return self.curves.get(name, NOTHING)

    @property
    def by_reward(self) -> bool:
        """Whether the method learns from rewards: its loss is not meant to fall."""
        return self.recipe.method in GENERATING

    @property
    def cause(self) -> str:
        """What ended it, by name (engine.runs.doctor.causes); empty where nothing did."""
        return str((self.facts.ending or {}).get("cause", ""))

    @property
    def failure(self) -> str:
        """The category of its failure; empty where it did not fail."""
        return str((self.facts.ending or {}).get("category", ""))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where it shows (steps, both ends in), what it is in a sentence, what may mend it."""

    severity: Severity
    message: str
    metric: str
    from_step: int
    to_step: int
    remedy: dict[str, Any] = field(default_factory=dict)  # recipe field -> value

    def as_json(self, rule: str) -> dict[str, Any]:
        """As REST answers it."""
        return {"rule": rule, **vars(self)}


@dataclass(frozen=True)
class Rule:
    """`fires` says in words when `look` finds something; `advice` what to do. Both stand in the guide."""

    name: str
    title: str
    fires: str
    advice: str
    look: Callable[[Case], Finding | None]
