"""A sweep as pages show it: what was asked, how it stands, every trial. Plain data; looking at it changes nothing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.recipes import provenance
from engine.sweeps import best as judged
from engine.sweeps import study
from engine.sweeps.spec import TASTE, SweepSpec, Value
from engine.sweeps.spent import Spent
from engine.sweeps.study import Trial, TrialState
from engine.sweeps.taste import Pick

STATES: tuple[TrialState, ...] = ("complete", "pruned", "failed", "refused", "running")
MOVING = ("queued", "running", "stopping")


class Picture(BaseModel):
    """Everything a page shows of one sweep. `trials` in the order of their numbers; times in seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    status: str
    spec: SweepSpec
    trials: tuple[Trial, ...] = ()
    picks: tuple[Pick, ...] = ()  # of a sweep by taste, in the order they were made
    goal: int | None = None  # trials of the search that count, with those that were added
    error: str = ""
    hint: str = ""
    reason: str = ""  # why the search is over
    spent: Spent = Spent()
    created_at: float | None = None
    ended_at: float | None = None

    @property
    def is_moving(self) -> bool:
        return self.status in MOVING

    def best(self) -> Trial | None:
        """The best trial of the search by the first objective."""
        return study.best(self.trials, self.spec.objectives[0].direction)

    def lead(self) -> judged.Lead | None:
        """How far the best is ahead of the start; None before a trial has finished, or, by taste, was compared."""
        begun = start(self.spec)
        lead = judged.lead(self.trials, begun, self.spec.objectives[0].direction)
        return judged.by_taste(lead, self.picks, self.trials, begun) if lead is not None and self.by_taste else lead

    @property
    def by_taste(self) -> bool:
        """Whether a person picks the better of two trials' answers."""
        return self.spec.objectives[0].metric == TASTE

    def counts(self) -> dict[TrialState, int]:
        """How many trials of the search are in each state that occurs."""
        counted = Counter(trial.state for trial in self.trials if trial.phase == "search")
        return {state: counted[state] for state in STATES if counted[state]}

    def can_train_in_full(self, trial: Trial) -> bool:
        """Whether the pruner or the proxy made a trial of the search shorter, and none trains it in full yet."""
        was_shorter = trial.state == "pruned" or (trial.state == "complete" and self.spec.proxy is not None)
        full = {one.of for one in self.trials if one.phase == "full" and one.state in ("running", "complete")}
        return trial.phase == "search" and was_shorter and trial.number not in full

    def trial(self, number: int) -> Trial | None:
        return next((trial for trial in self.trials if trial.number == number), None)


def start(spec: SweepSpec) -> dict[str, Value]:
    """The settings that the form had before the sweep: the recipe's own values of the fields that are searched."""
    return {field: _own(spec.recipe, field) for field in spec.space}


def _own(recipe: Mapping[str, Any], field: str) -> Value:
    value: Value = recipe[field] if field in recipe else provenance.default(field)
    return value
