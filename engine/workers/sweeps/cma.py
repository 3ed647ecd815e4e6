"""CMA-ES by the library that Optuna takes for it. Its state is made anew from the trials each time.

A generation is the next so many trials with a value, in the order of their numbers. Trials of earlier sweeps say where
to begin (Warm Starting CMA-ES, https://arxiv.org/abs/2012.06932).
"""

import numpy
from cmaes import CMA, get_warm_start_mgd

from engine.errors import TunesmithError
from engine.sweeps.spec import Range, Value
from engine.sweeps.study import Study, Trial
from engine.workers.sweeps import cube, optuna_study

WIDTH = 1 / 6  # of the cube, at the beginning; Optuna's own
WARM = 10  # of them the best tenth is at least one

Solution = tuple[numpy.ndarray, float]


def propose(study: Study, _number: int, seed: int) -> dict[str, Value]:
    """Settings for one more trial. Raises TunesmithError where a field is no number."""
    ranges = _ranges(study)
    solutions = {phase: _solutions(study, ranges, phase) for phase in ("search", "warm")}
    optimiser = _begin(solutions["warm"], max(2, len(ranges)))  # the library wants two dimensions or more
    size = optimiser.population_size
    for start in range(0, len(solutions["search"]) - size + 1, size):
        optimiser.tell(solutions["search"][start : start + size])
    optimiser.reseed_rng(seed)
    point = optimiser.ask()
    return {
        field: cube.at(dimension, field in study.whole, float(unit))
        for (field, dimension), unit in zip(ranges.items(), point, strict=False)
    }


def _begin(warm: list[Solution], width: int) -> CMA:
    bounds = numpy.array([[0.0, 1.0]] * width)
    if len(warm) >= WARM:
        mean, sigma, covariance = get_warm_start_mgd(warm)
        return CMA(mean=numpy.clip(mean, 0, 1), sigma=sigma, cov=covariance, bounds=bounds, seed=0)
    return CMA(mean=numpy.full(width, 0.5), sigma=WIDTH, bounds=bounds, seed=0)


def _ranges(study: Study) -> dict[str, Range]:
    ranges = {}
    for field, dimension in study.space.items():
        if not isinstance(dimension, Range):
            message = f"CMA-ES needs numbers, and `{field}` is a list of choices."
            raise TunesmithError(message, "Take TPE, or leave the field out.")
        ranges[field] = dimension
    if len(study.directions) > 1:
        raise TunesmithError("CMA-ES has one objective, and this sweep has several.", "Take NSGA-II or TPE.")
    return ranges


def _solutions(study: Study, ranges: dict[str, Range], phase: str) -> list[Solution]:
    sign = 1 if study.directions[0] == "minimize" else -1
    return [
        (_point(study, ranges, trial), sign * value)
        for trial in optuna_study.told(study)
        if trial.phase == phase and (value := _value(trial)) is not None
    ]


def _value(trial: Trial) -> float | None:
    """A pruned one counts with what it was last, as Optuna's `consider_pruned_trials` has it."""
    if trial.state == "complete" and trial.values:
        value = trial.values[0]
    elif trial.state == "pruned" and trial.steps:
        value = trial.steps[max(trial.steps)]
    else:
        return None
    return value if numpy.isfinite(value) else None


def _point(study: Study, ranges: dict[str, Range], trial: Trial) -> numpy.ndarray:
    units = [
        cube.unit(dimension, field in study.whole, float(trial.params[field] or 0.0))
        for field, dimension in ranges.items()
    ]
    return numpy.array(units + [0.5] * (2 - len(units)))
