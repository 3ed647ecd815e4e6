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

    low: FiniteFloat = Field(description="The least value.")
    high: FiniteFloat = Field(description="The greatest value.")
    log: bool = Field(default=False, description="By powers of ten: as many between 1 and 10 as between 10 and 100.")
    step: FiniteFloat | None = Field(default=None, description="Only low, low + step, low + 2 step ... are tried.")


class Choices(_Data):
    """One of these."""

    choices: tuple[Value, ...] = Field(min_length=1, max_length=MOST_CHOICES, description="The values that are tried.")


Dimension = Range | Choices


class Objective(_Data):
    """A metric of the method on the rows that are held out, one of the costs above, or `taste`."""

    metric: str = Field(
        min_length=1,
        max_length=200,
        description="A metric on the held-out rows, such as eval_loss; seconds, tokens, memory_bytes or size_bytes; or "
        "taste, where a person says it.",
    )
    direction: Direction = Field(default="minimize", description="minimize or maximize.")


class Budget(_Data):
    """The sweep ends when the first of them is used up. At least one must be given."""

    trials: int | None = Field(
        default=None, ge=1, le=MOST_TRIALS, description="Trials of the search; those that were refused do not count."
    )
    seconds: FiniteFloat | None = Field(
        default=None, gt=0, description="No trial begins after so many seconds; those that train are finished."
    )
    tokens: int | None = Field(
        default=None, gt=0, description="No trial begins after so many tokens, those of all trials together."
    )


class Proxy(_Data):
    """A cheaper training while searching; the best few are trained in full after it."""

    max_steps: int | None = Field(default=None, ge=1, description="Optimiser steps of a trial at most.")
    data_share: FiniteFloat | None = Field(
        default=None, gt=0, lt=1, description="Share of the rows that a trial reads. The held-out rows stay the same."
    )
    full: int = Field(default=3, ge=1, le=20, description="How many of the best are trained in full after the search.")


class SweepSpec(_Data):
    """A sweep as it is asked for."""

    name: str = Field(description="What lists show; one of its kind in a project.")
    recipe: dict[str, Any] = Field(description="The recipe, as of a run; what is searched may be left out.")
    space: dict[str, Dimension] = Field(
        min_length=1, max_length=MOST_FIELDS, description="Recipe field to {low, high, log, step} or {choices}."
    )
    objective: Objective | tuple[Objective, ...] = Field(
        default=Objective(metric="eval_loss"), description="What is better: one, or several for a Pareto front."
    )
    sampler: Sampler = Field(default="tpe", description="How the next settings are chosen.")
    pruner: Pruner = Field(default="none", description="What ends a trial early that does worse than others.")
    budget: Budget = Field(description="The search ends when the first of them is used up.")
    parallel: int = Field(default=1, ge=1, le=64, description="Trials side by side, as far as devices allow.")
    proxy: Proxy | None = Field(default=None, description="A cheaper training while searching.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="The same seed tries the same settings.")
    repeats: int = Field(
        default=0, ge=0, le=10, description="Further trainings of the best, with other seeds, to know how sure it is."
    )
    patience: int | None = Field(
        default=None, ge=3, description="Stop after so many trials without a gain beyond what chance does."
    )
    failures: int = Field(
        default=3, ge=1, description="Stop after so many trials in a row that failed for the same reason."
    )
    warm_from: tuple[str, ...] = Field(
        default=(), max_length=20, description="Ids of earlier sweeps of the same fields, whose trials are known."
    )

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return (self.objective,) if isinstance(self.objective, Objective) else self.objective
