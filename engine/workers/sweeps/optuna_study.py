"""A study of Optuna, made anew from our rows each time, in memory.

Trials of the search are told, and those of earlier sweeps of the same space; not the best in full and other seeds of
it, whose values are of another training. A trial that does not lie in the space is left out.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from engine.sweeps.spec import Choices, Dimension, Value
from engine.sweeps.study import Study, Trial
from engine.workers.sweeps import cube

NAME = "sweep"  # Hyperband gives out its brackets by the study's name and the trial's number
# A refused combination is told as one that was pruned before its first step: TPE counts it as worse than any that ran.
STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "refused": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

SystemAttributes = Callable[[int, Trial], dict[str, Any]]  # of a trial, by its place in the study


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says of several of its parts that they are experimental, and tells each trial: nobody reads it here."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def told(study: Study) -> list[Trial]:
    """The trials that Optuna is told of, in the order of their numbers. Their place here is their number there."""
    spread = distributions(study)
    return [trial for trial in study.trials if trial.phase in ("search", "warm") and _fits(spread, trial.params)]


def make(study: Study, attributes: SystemAttributes | None = None) -> optuna.Study:
    """The study in memory. `attributes` are what a sampler or a pruner of Optuna keeps beside a trial."""
    made = optuna.create_study(study_name=NAME, directions=list(study.directions))
    spread = distributions(study)
    made.add_trials(
        [frozen(trial, spread, (attributes or _none)(place, trial)) for place, trial in enumerate(told(study))]
    )
    return made


def distributions(study: Study) -> dict[str, BaseDistribution]:
    """The space in Optuna's words."""
    return {field: distribution(dimension, field in study.whole) for field, dimension in study.space.items()}


def distribution(dimension: Dimension, whole: bool) -> BaseDistribution:
    """One field of the space. A range that its step does not divide ends at its last step."""
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    low, high, count = dimension.low, dimension.high, cube.cells(dimension, whole)
    step = cube.step_of(dimension)
    if count is not None and step:
        last = cube.nth(dimension, whole, count - 1)
        high = float(last) if isinstance(last, int | float) else high
    if whole:
        return IntDistribution(round(low), round(high), dimension.log, round(step or 1))
    return FloatDistribution(low, high, dimension.log, step)


def frozen(trial: Trial, spread: Mapping[str, BaseDistribution], system: dict[str, Any]) -> FrozenTrial:
    """A trial as Optuna keeps it. One that says it is complete without a number for each objective has failed."""
    state, values = STATES[trial.state], trial.values
    if state is TrialState.COMPLETE and not (values and all(map(math.isfinite, values))):
        state = TrialState.FAIL
    return create_trial(
        state=state,
        values=list(values) if values and state is TrialState.COMPLETE else None,
        params=_params(spread, trial.params),
        distributions=dict(spread),
        intermediate_values=evaluations(trial),
        system_attrs=system,
    )


def evaluations(trial: Trial) -> dict[int, float]:
    """What it was at its first, second, ... evaluation.

    By count and not by step: trials with another batch size or more epochs are compared at the same share of theirs.
    """
    return {count: trial.steps[step] for count, step in enumerate(sorted(trial.steps), 1)}


def _fits(spread: Mapping[str, BaseDistribution], params: Mapping[str, Value]) -> bool:
    if not spread.keys() <= params.keys():
        return False
    return all(_contains(distribution, params[field]) for field, distribution in spread.items())


def _contains(distribution: BaseDistribution, value: Value) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(value, bool | str | None):
        return False
    return distribution._contains(distribution.to_internal_repr(value))


def _params(spread: Mapping[str, BaseDistribution], params: Mapping[str, Value]) -> dict[str, Any]:
    return {field: _number(distribution, params[field]) for field, distribution in spread.items()}


def _number(distribution: BaseDistribution, value: Any) -> Any:
    match distribution:
        case IntDistribution():
            return int(value)
        case FloatDistribution():
            return float(value)
    return value


def _none(_place: int, _trial: Trial) -> dict[str, Any]:
    return {}
