"""What each sampler says to try next: in the space, the same again from the same rows, better than chance."""

import statistics
from typing import get_args

import optuna
import pytest

from engine.sweeps.spec import Choices, Range, Sampler, Value
from engine.sweeps.study import Advice, Question, Study, Trial, TrialState
from engine.workers.sweeps import advice, cube, optuna_study, samplers
from tests.workers.sweeps.rows import SPACE, by_chance, ended, loss, study

QUICK: tuple[Sampler, ...] = ("tpe", "random", "qmc", "cmaes", "nsga2")
LEARNING: tuple[Sampler, ...] = ("tpe", "cmaes")
STATES: tuple[TrialState, ...] = ("complete", "complete", "pruned", "complete", "failed", "refused", "running")


def on(asked: Study, count: int = 1) -> Advice:
    """Through the JSON that question and answer are on the disk."""
    question = Question.model_validate_json(Question(id="q", study=asked, ask=count).model_dump_json())
    return Advice.model_validate_json(advice.on(question).model_dump_json())


def searched(sampler: Sampler, count: int, seed: int) -> list[Trial]:
    """A sweep from its first trial on, one at a time."""
    trials: list[Trial] = []
    for number in range(count):
        (params,) = on(study(sampler, tuple(trials), seed=seed)).params
        trials.append(ended(number, params))
    return trials


@pytest.mark.parametrize("sampler", QUICK)
def test_what_is_said_lies_in_the_space_and_is_the_same_from_the_same_rows(sampler: Sampler) -> None:
    asked = study(sampler, tuple(by_chance(30, state=lambda number: STATES[number % len(STATES)])))
    told = on(asked, 4)
    assert not told.problem
    assert not told.exhausted
    assert on(asked, 4) == told
    spread = optuna_study.distributions(asked)
    for params in told.params:
        assert list(params) == list(asked.space)
        assert all(optuna_study._contains(spread[field], value) for field, value in params.items())
        assert type(params["lora_r"]) is int
    assert len({cube.key(asked, params) for params in told.params}) == 4  # at once, and each another
    assert on(asked.model_copy(update={"seed": 2}), 4) != told
    following = on(asked.model_copy(update={"trials": (*asked.trials, ended(30, told.params[0]))}))
    assert following.params[0] != told.params[0]


def test_a_gaussian_process_is_asked_in_the_same_way() -> None:
    asked = study("gp", tuple(by_chance(12, state=lambda number: "running" if number > 10 else "complete")))
    told = on(asked)
    assert not told.problem
    assert on(asked) == told


@pytest.mark.parametrize("sampler", LEARNING)
def test_a_sampler_that_learns_ends_nearer_to_the_best_than_it_began(sampler: Sampler) -> None:
    seeds = [searched(sampler, 45, seed) for seed in range(3)]
    early, late = ([loss(trial.params) for trials in seeds for trial in trials[part]] for part in LATE)
    assert statistics.median(late) < 1 + (statistics.median(early) - 1) / 3


LATE = (slice(10), slice(-10, None))


def test_nsga2_crosses_the_best_of_a_generation_that_is_full() -> None:
    first = by_chance(16)
    second = [ended(16 + number, params) for number, params in enumerate(on(study("nsga2", tuple(first)), 8).params)]
    ranks, rates = ({trial.params[field] for trial in first} for field in ("lora_r", "optim"))
    crossed = sum(trial.params["lora_r"] in ranks and trial.params["optim"] in rates for trial in second)
    assert crossed >= 5  # of eight: fields come from parents, some by mutation
    assert len(on(study("nsga2", tuple(first[:15])), 3).params) == 3


def test_several_objectives_are_told_with_all_their_values() -> None:
    rows = [
        trial.model_copy(update={"values": (loss(trial.params), 64.0 - number)})
        for number, trial in enumerate(by_chance(20))
    ]
    for sampler in ("tpe", "nsga2", "random"):
        two = study(sampler, tuple(rows)).model_copy(update={"directions": ("minimize", "maximize")})
        assert len(on(two, 2).params) == 2
        assert advice.on(Question(id="q", study=two, prune=(3,))).prune == {3: False}
    assert (
        "several" in on(study("cmaes", tuple(rows)).model_copy(update={"directions": ("minimize", "minimize")})).problem
    )


def test_a_grid_gives_each_combination_once_and_then_says_that_it_is_exhausted() -> None:
    space = {"learning_rate": Choices(choices=(1e-4, 1e-3)), "lora_r": Range(low=8, high=25, step=8)}
    grid = Study(space=space, whole=("lora_r",), directions=("minimize",), sampler="grid", pruner="none", seed=5)
    told = on(grid, 9)
    assert told.exhausted
    assert {(params["learning_rate"], params["lora_r"]) for params in told.params} == {
        (rate, rank) for rate in (1e-4, 1e-3) for rank in (8, 16, 24)
    }
    states: tuple[TrialState, ...] = ("complete", "pruned", "failed", "refused", "running")
    tried = [Trial(number=n, state=state, params=told.params[n]) for n, state in enumerate(states)]
    rest = on(grid.model_copy(update={"trials": tuple(tried)}), 2)
    assert (rest.params, rest.exhausted) == (told.params[5:], True)


def test_a_grid_of_a_range_without_end_names_the_field() -> None:
    told = on(study("grid"))
    assert "`learning_rate`" in told.problem
    assert not told.params


def test_cma_es_names_the_field_that_is_no_number() -> None:
    asked = study("cmaes").model_copy(update={"space": SPACE})
    assert "`optim`" in on(asked).problem


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_a_small_space_is_gone_through_without_repeating_and_then_exhausted(sampler: Sampler) -> None:
    small = Study(
        space={"lora_r": Range(low=1, high=3), "packing": Choices(choices=(True, False))},
        whole=("lora_r",),
        directions=("minimize",),
        sampler=sampler,
        pruner="none",
        seed=1,
        startup=2,
    )
    trials: list[Trial] = []
    while not (told := on(small.model_copy(update={"trials": tuple(trials)}))).exhausted:
        trials.append(Trial(number=len(trials), state="complete", params=told.params[0], values=(1.0,)))
    assert len({cube.key(small, trial.params) for trial in trials}) == len(trials) == 6


def test_earlier_sweeps_teach_without_counting_as_tried() -> None:
    warm = [trial.model_copy(update={"phase": "warm"}) for trial in by_chance(40)]
    elsewhere: dict[str, Value] = {"learning_rate": 0.5, "lora_r": 8, "lora_dropout": 0.0, "optim": None}
    outside = Trial(number=40, state="complete", phase="warm", params=elsewhere, values=(0.0,))
    for sampler in LEARNING:
        first = [loss(on(study(sampler, (*warm, outside), seed=seed)).params[0]) for seed in range(12)]
        cold = [loss(on(study(sampler, seed=seed)).params[0]) for seed in range(12)]
        assert statistics.median(first) < statistics.median(cold)


def test_trainings_in_full_and_other_seeds_of_the_best_are_not_told() -> None:
    search = by_chance(20)
    full = search[3].model_copy(update={"number": 20, "phase": "full", "of": 3, "values": (0.1,)})
    made = optuna_study.make(study(trials=(*search, full)))
    assert len(made.trials) == 20


def test_a_loss_that_is_no_number_is_a_failure_and_a_refusal_is_worse_than_what_ran() -> None:
    nan = by_chance(1)[0].model_copy(update={"values": (float("nan"),), "steps": {10: float("nan")}})
    refused = Trial(number=1, state="refused", params=nan.params)
    states = [trial.state for trial in optuna_study.make(study(trials=(nan, refused))).trials]
    assert states == [optuna.trial.TrialState.FAIL, optuna.trial.TrialState.PRUNED]
    assert len(on(study(trials=(nan, refused))).params) == 1


def test_every_sampler_of_the_spec_is_known_here() -> None:
    assert {*samplers.SAMPLERS, *advice.PROPOSERS, "grid"} == set(get_args(Sampler))
