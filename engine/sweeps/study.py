"""A sweep and its trials as plain data: what pages draw, what rules judge, and what the worker with Optuna is told.

The rows of the database are the truth; a study is made from them anew each time, so nothing is ever told twice.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from engine.sweeps.spec import Dimension, Direction, Pruner, Sampler, Value

TrialState = Literal["running", "complete", "pruned", "refused", "failed"]
Phase = Literal[
    "search", "full", "repeat", "warm"
]  # a trial of the search; the best in full; another seed; from before


class _Data(BaseModel):
    # The loss of a training that diverged is NaN, and has to come through the JSON as it is.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Trial(_Data):
    """One trial. `values` has one number an objective; `steps` what the first objective was at each evaluation."""

    number: int
    state: TrialState
    params: dict[str, Value]
    phase: Phase = "search"
    run_id: str | None = None
    of: int | None = None  # the trial of the search that a `full` or `repeat` one repeats
    values: tuple[float, ...] | None = None
    steps: dict[int, float] = {}
    reason: str = ""  # why it was pruned, refused, or failed
    started_at: float | None = None  # seconds since 1970
    ended_at: float | None = None
    seconds: float | None = None  # how long its run's processes ran, all attempts together
    tokens: int | None = None  # trained on
    interval: tuple[float, float] | None = None  # of a score by taste, at 95 %


class Study(_Data):
    """Everything that decides what comes next. `trials` in the order of their numbers."""

    space: dict[str, Dimension]
    whole: tuple[str, ...] = ()  # the fields of whole numbers
    directions: tuple[Direction, ...]
    sampler: Sampler
    pruner: Pruner
    seed: int
    trials: tuple[Trial, ...] = ()
    startup: int | None = None  # trials before a sampler models and a pruner judges; None: Optuna's own


class Question(_Data):
    """What the worker is asked, a line of JSON in its folder's `questions.jsonl`."""

    id: str
    study: Study
    ask: int = 0  # so many new trials
    prune: tuple[int, ...] = ()  # numbers of running trials: shall they end?


class Advice(_Data):
    """The answer to one question."""

    id: str
    params: tuple[dict[str, Value], ...] = ()
    prune: dict[int, bool] = {}
    exhausted: bool = False  # a grid has been gone through: there is nothing left to try
    problem: str = ""  # why it cannot answer, in words for a user


def best(trials: tuple[Trial, ...], direction: Direction) -> Trial | None:
    """The finished trial of the search with the best first value; the earlier one of two alike."""
    done = [trial for trial in trials if trial.state == "complete" and trial.phase == "search" and trial.values]
    sign = 1 if direction == "minimize" else -1
    return min(done, key=lambda trial: (sign * (trial.values or (0.0,))[0], trial.number), default=None)


def differing(params: Mapping[str, Any]) -> str:
    """What a trial is called by: its settings, short."""
    return ", ".join(f"{field}={_short(value)}" for field, value in params.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
