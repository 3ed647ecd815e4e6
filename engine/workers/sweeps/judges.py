"""Which running trials end early, by Optuna's pruners."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import TrialState, create_trial

from engine.sweeps.study import Study, Trial
from engine.workers.sweeps import optuna_study

STARTUP = 5  # complete trials before a median says anything; Optuna's own
HALVING, HYPERBAND = 4, 3  # one of so many goes on; Optuna's own
PATIENCE = 1  # evaluations that may be worse than the best before them


def verdicts(study: Study, numbers: Sequence[int]) -> dict[int, bool]:
    """Number of a running trial -> whether it shall end now. Never with several objectives: no value leads there."""
    if not numbers or study.pruner == "none" or len(study.directions) > 1:
        return dict.fromkeys(numbers, False)
    places = {trial.number: place for place, trial in enumerate(optuna_study.told(study))}
    by_number = {trial.number: trial for trial in study.trials}
    with optuna_study.quiet():
        judge = Judge(study)
        return {number: number in places and judge.ends(by_number[number], places[number]) for number in numbers}


class Judge:
    """A pruner with the study it looks at, made for one question."""

    def __init__(self, study: Study) -> None:
        self.pruner = PRUNERS[study.pruner](study)
        self.study = optuna_study.make(study, self._rungs)

    def ends(self, trial: Trial, place: int) -> bool:
        """Whether a trial ends at its newest evaluation. One that came to no number any more always does."""
        if trial.state != "running" or not trial.steps:
            return False
        if math.isnan(trial.steps[max(trial.steps)]):
            return True
        return bool(self.pruner.prune(self.study, self.study.get_trials(deepcopy=False)[place]))

    def _rungs(self, place: int, trial: Trial) -> dict[str, Any]:
        """The rungs a trial has reached, which successive halving keeps beside it, in attributes of these names."""
        match self.pruner:
            case SuccessiveHalvingPruner():
                factor, rate = HALVING, 0
            case HyperbandPruner() as hyperband:
                factor, rate = HYPERBAND, _bracket(hyperband, place)
            case _:
                return {}
        values = list(optuna_study.evaluations(trial).values())
        if trial.state == "running":
            values = values[:-1]  # its newest is what it is judged by
        reached = rungs(values, factor, rate, ended=trial.state == "pruned")
        return {f"completed_rung_{rung}": value for rung, value in enumerate(reached)}


def rungs(values: Sequence[float], factor: int, rate: int, ended: bool) -> list[float]:
    """What a trial was when it reached each rung: rung N at evaluation `factor ** (rate + N)`, or the first after it.

    One that ended early did so at the first rung of its last evaluation. (Li and others, ASHA,
    https://arxiv.org/abs/1810.05934, as in Optuna's SuccessiveHalvingPruner.)
    """
    reached: list[float] = []
    for count, value in enumerate(values, 1):
        if math.isnan(value):
            break
        while count >= factor ** (rate + len(reached)):
            reached.append(value)
            if ended and count == len(values):
                break
    return reached


def _bracket(pruner: HyperbandPruner, place: int) -> int:
    """Which bracket of Hyperband a trial is in: the pruner says, once it has made its brackets."""
    blank, numbered = optuna.create_study(study_name=optuna_study.NAME), create_trial(state=TrialState.RUNNING)
    numbered.number = place
    if not pruner._pruners:
        pruner._try_initialization(blank)
    return pruner._get_bracket_id(blank, numbered)


def _median(study: Study) -> BasePruner:
    return MedianPruner(n_startup_trials=STARTUP if study.startup is None else study.startup)


def _hyperband(study: Study) -> BasePruner:
    """Until one trial is complete nobody knows how many evaluations there are, and none is pruned."""
    most = max((len(trial.steps) for trial in study.trials if trial.state == "complete"), default=0)
    return HyperbandPruner(1, most, HYPERBAND) if most else NopPruner()


PRUNERS: dict[str, Callable[[Study], BasePruner]] = {
    "median": _median,
    "patient": lambda study: PatientPruner(_median(study), PATIENCE),
    "halving": lambda _study: SuccessiveHalvingPruner(1, HALVING),
    "hyperband": _hyperband,
}
