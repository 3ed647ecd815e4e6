"""Who ends early: the same as Optuna itself says, asked trial by trial in one study that lives through the sweep."""

import math
import random
from collections.abc import Callable
from typing import get_args

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, PatientPruner, SuccessiveHalvingPruner
from optuna.trial import TrialState

from engine.sweeps.spec import Pruner, Range
from engine.sweeps.study import Question, Study, Trial
from engine.workers.sweeps import advice, judges, optuna_study

EVALUATIONS, TRIALS, AT_ONCE = 9, 40, 3
STEPS = 50  # between two evaluations
OPTUNAS: dict[Pruner, Callable[[], BasePruner]] = {
    "median": lambda: MedianPruner(),
    "halving": lambda: SuccessiveHalvingPruner(1, 4),
    "hyperband": lambda: HyperbandPruner(1, EVALUATIONS, 3),
    "patient": lambda: PatientPruner(MedianPruner(), 1),
}


def judged(pruner: Pruner, rows: list[Trial], *numbers: int) -> dict[int, bool]:
    space = {"x": Range(low=0, high=1)}
    study = Study(space=space, directions=("minimize",), sampler="tpe", pruner=pruner, seed=0, trials=tuple(rows))
    question = Question(id="q", study=study, prune=numbers)
    return advice.on(Question.model_validate_json(question.model_dump_json())).prune


@pytest.mark.parametrize("pruner", OPTUNAS)
def test_a_study_made_anew_for_each_question_says_what_one_that_lives_says(pruner: Pruner) -> None:
    """Three trials at once, in an order by chance: each evaluation is put to both."""
    both, complete = Both(pruner), False
    while both.goes_on():
        mine, optunas = both.next_evaluation()
        if complete or pruner != "hyperband":  # Optuna knows here how many evaluations there will be; the rows do not
            assert mine == optunas
        complete = complete or any(row.state == "complete" for row in both.rows)
    assert 5 < sum(row.state == "pruned" for row in both.rows) < TRIALS


class Both:
    """One study of Optuna that lives through a sweep, and our rows of the same trials."""

    def __init__(self, pruner: Pruner) -> None:
        self.pruner, self.rows, self.chance = pruner, list[Trial](), random.Random(1)
        with optuna_study.quiet():
            self.study = optuna.create_study(
                study_name=optuna_study.NAME, pruner=OPTUNAS[pruner](), sampler=optuna.samplers.RandomSampler(0)
            )
        self.running: list[optuna.Trial] = []

    def goes_on(self) -> bool:
        while len(self.running) < AT_ONCE and len(self.rows) < TRIALS:
            trial = self.study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
            self.running.append(trial)
            self.rows.append(Trial(number=trial.number, state="running", params=trial.params))
        return bool(self.running)

    def next_evaluation(self) -> tuple[bool, bool]:
        """One of the running trials goes on by one evaluation: what we say of it, and what Optuna says."""
        trial = self.chance.choice(self.running)
        row = self.rows[trial.number]
        count = len(row.steps) + 1
        value = trial.params["x"] + 1 / count + self.chance.gauss(0, 0.1)
        row = row.model_copy(update={"steps": row.steps | {count * STEPS: value}})
        self.rows[trial.number] = row
        trial.report(value, count)
        mine, optunas = judged(self.pruner, self.rows, trial.number)[trial.number], trial.should_prune()
        if optunas or count == EVALUATIONS:
            self.running.remove(trial)
            state = TrialState.PRUNED if optunas else TrialState.COMPLETE
            self.study.tell(trial, None if optunas else value, state)
            ended = {"state": "pruned"} if optunas else {"state": "complete", "values": (value,)}
            self.rows[trial.number] = row.model_copy(update=ended)
        return mine, optunas


def test_trials_with_other_steps_are_compared_at_the_same_evaluation() -> None:
    done = [
        Trial(number=n, state="complete", params={"x": 0.1}, values=(1.0,), steps={100: 2.0, 200: 1.0})
        for n in range(6)
    ]
    worse = Trial(number=6, state="running", params={"x": 0.9}, steps={13: 3.0})
    better = Trial(number=7, state="running", params={"x": 0.2}, steps={13: 1.5})
    assert judged("median", [*done, worse, better], 6, 7) == {6: True, 7: False}


def test_a_loss_that_is_no_number_any_more_ends_its_trial_at_once() -> None:
    lost = Trial(number=0, state="running", params={"x": 0.1}, steps={10: 2.0, 20: math.nan})
    for pruner in OPTUNAS:
        assert judged(pruner, [lost], 0) == {0: True}
    assert judged("none", [lost], 0) == {0: False}


def test_every_pruner_of_the_spec_is_known_here() -> None:
    assert {*judges.PRUNERS, "none"} == {*OPTUNAS, "none"} == set(get_args(Pruner))


def test_what_has_ended_or_has_no_evaluation_is_left_alone() -> None:
    ended = Trial(number=0, state="pruned", params={"x": 0.1}, steps={10: math.nan})
    begun = Trial(number=1, state="running", params={"x": 0.1})
    assert judged("median", [ended, begun], 0, 1, 7) == {0: False, 1: False, 7: False}
