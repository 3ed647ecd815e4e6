"""What a sweep is asked to do, as data: one schema for form, YAML, command line and REST.

    name, recipe, space: {field: {low, high, log, step} | {choices}}, objective: {metric, direction} | [{...}, ...],
    sampler, pruner, budget: {trials, seconds, tokens}, parallel, proxy, seed, repeats, patience

Here only shape and sizes are checked. Whether a field exists and a recipe holds, `engine.sweeps.space` says.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Sampler = Literal["tpe", "gp", "random", "qmc", "grid", "cmaes", "nsga2"]
Pruner = Literal["none", "median", "hyperband", "halving", "patient"]
Direction = Literal["minimize", "maximize"]
Value = bool | int | float | str | None  # of one field of a recipe

TASTE = "taste"  # the objective where a person picks the better of two trials' answers
SECONDS, TOKENS, MEMORY, SIZE = "seconds", "tokens", "memory_bytes", "size_bytes"  # costs, as second objectives
MOST_TRIALS, MOST_FIELDS, MOST_CHOICES, MOST_OBJECTIVES = 1000, 30, 100, 4


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Data):
    """Numbers from low to high, both included. Of a field of whole numbers they are whole."""

    low: FiniteFloat
    high: FiniteFloat
    log: bool = False
    step: FiniteFloat | None = None


class Choices(_Data):
    """One of these."""

    choices: tuple[Value, ...] = Field(min_length=1, max_length=MOST_CHOICES)


Dimension = Range | Choices


class Objective(_Data):
    """A metric of the method on the rows that are held out, one of the costs above, or `taste`."""

    metric: str = Field(min_length=1, max_length=200)
    direction: Direction = "minimize"


class Budget(_Data):
    """The sweep ends when the first of them is used up. At least one must be given."""

    trials: int | None = Field(default=None, ge=1, le=MOST_TRIALS)
    seconds: FiniteFloat | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)


class Proxy(_Data):
    """A cheaper training while searching; the best few are trained in full after it."""

    max_steps: int | None = Field(default=None, ge=1)
    data_share: FiniteFloat | None = Field(default=None, gt=0, lt=1)  # of the training rows
    full: int = Field(default=3, ge=1, le=20)  # how many are trained in full after it


class SweepSpec(_Data):
    """A sweep as it is asked for."""

    name: str
    recipe: dict[str, Any]
    space: dict[str, Dimension] = Field(min_length=1, max_length=MOST_FIELDS)
    objective: Objective | tuple[Objective, ...] = Objective(metric="eval_loss")
    sampler: Sampler = "tpe"
    pruner: Pruner = "none"
    budget: Budget
    parallel: int = Field(default=1, ge=1, le=64)
    proxy: Proxy | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    repeats: int = Field(default=0, ge=0, le=10)  # further seeds of the best, to know how sure its lead is
    patience: int | None = Field(default=None, ge=3)  # stop after so many trials without a gain beyond the noise
    failures: int = Field(default=3, ge=1)  # stop after so many trials in a row that failed for the same reason
    warm_from: tuple[str, ...] = Field(default=(), max_length=20)  # earlier sweeps of the same space, by id

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (self.objective,) if isinstance(self.objective, Objective) else self.objective
