"""What to try next, by Optuna's samplers.

Those whose memory lies in the trials themselves are Optuna's as they are: TPE, Gaussian process, random, NSGA-II (its
generations are counted here). Its quasi-random and CMA-ES samplers keep theirs in attributes of a study that is thrown
away here after each question; the libraries behind them, scipy and cmaes, are asked without it (see `cma`).
"""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import qmc

from engine.errors import TunesmithError
from engine.sweeps.spec import Value
from engine.sweeps.study import Study
from engine.workers.sweeps import cube, optuna_study

STARTUP = 10  # Optuna's own for TPE and Gaussian processes
POPULATION = 16  # Optuna's 50 is more trials than most can pay for


class Generations(NSGAIISampler):
    """NSGA-II whose generations are counted from the trials: each is the next POPULATION of those that are complete."""

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        """The one that is being filled: whoever is asked about is new."""
        return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) // POPULATION

    def get_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """The complete trials of one generation, in the order of their numbers."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return complete[generation * POPULATION : (generation + 1) * POPULATION]


def propose(study: Study, _number: int, seed: int) -> dict[str, Value]:
    """Settings for one more trial. Running ones are counted as bad by TPE, as done by a Gaussian process."""
    with optuna_study.quiet():
        made = optuna_study.make(study)
        made.sampler = SAMPLERS[study.sampler](study, seed)
        return dict(made.ask(optuna_study.distributions(study)).params)


def quasi_random(study: Study, number: int, _seed: int) -> dict[str, Value]:
    """The next point of a scrambled Sobol sequence, one for each trial of the search."""
    place = sum(trial.phase == "search" and trial.number < number for trial in study.trials)
    sequence = qmc.Sobol(len(study.space), scramble=True, rng=study.seed)
    if place:  # scipy cannot go forward by nothing
        sequence.fast_forward(place)
    point = sequence.random(1)[0]
    units = zip(study.space.items(), point, strict=True)
    return {field: cube.at(dimension, field in study.whole, float(unit)) for (field, dimension), unit in units}


def _tpe(study: Study, seed: int) -> BaseSampler:
    # What was refused teaches, but is no experience of what is good.
    refused = sum(trial.state == "refused" for trial in study.trials)
    startup = _startup(study) + refused
    return TPESampler(multivariate=True, constant_liar=True, n_startup_trials=startup, seed=seed)


def _gaussian_process(study: Study, seed: int) -> BaseSampler:
    return GPSampler(n_startup_trials=_startup(study), seed=seed)


def _startup(study: Study) -> int:
    return STARTUP if study.startup is None else study.startup


SAMPLERS: dict[str, Callable[[Study, int], Any]] = {
    "tpe": _tpe,
    "gp": _gaussian_process,
    "random": lambda _study, seed: RandomSampler(seed),
    "nsga2": lambda _study, seed: Generations(population_size=POPULATION, seed=seed),
}


def finite(study: Study) -> int:
    """How many settings a grid has. Raises TunesmithError where a range has no end of values."""
    for field, dimension in study.space.items():
        if cube.cells(dimension, field in study.whole) is None:
            hint = "Give it a step or a list of choices, or take another sampler."
            raise TunesmithError(f"A grid cannot go through every value of `{field}`.", hint)
    return cube.size(study) or 0
