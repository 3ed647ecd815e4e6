"""The answer to one question. Pure: the same rows, with the same seed, give the same advice."""

import hashlib
import random
from collections.abc import Callable

from engine.errors import TunesmithError
from engine.sweeps.spec import Value
from engine.sweeps.study import Advice, Question, Study, Trial
from engine.workers.sweeps import cma, cube, judges, samplers

TRIES = 6  # that a sampler gets for settings which were not tried before
ENUMERATED = 20_000  # a finite space up to this size is written out; in a larger one chance finds what is left

Params = dict[str, Value]


def on(question: Question) -> Advice:
    """Settings for `ask` new trials, and for each trial in `prune` whether it shall end."""
    try:
        params = tuple(_proposals(question.study, question.ask)) if question.ask else ()
        ends = judges.verdicts(question.study, question.prune)
    except TunesmithError as error:
        return Advice(id=question.id, problem=f"{error.message} {error.hint}".strip())
    return Advice(id=question.id, params=params, prune=ends, exhausted=len(params) < question.ask)


def _proposals(study: Study, count: int) -> list[Params]:
    """New settings, fewer than `count` where everything has been tried. Each knows of those before it."""
    first = max((trial.number for trial in study.trials), default=-1) + 1
    proposals: list[Params] = []
    for number in range(first, first + count):
        params = _proposal(study, number)
        if params is None:
            break
        proposals.append(params)
        added = Trial(number=number, state="running", params=params)
        study = study.model_copy(update={"trials": (*study.trials, added)})
    return proposals


def _proposal(study: Study, number: int) -> Params | None:
    """What the sampler says; where it only repeats what was tried, something that is left. None: nothing is."""
    tried = {cube.key(study, trial.params) for trial in study.trials if trial.phase == "search"}
    if study.sampler == "grid":
        return _left(study, tried, samplers.finite(study), number)
    size = cube.size(study)
    if size is not None and len(tried) >= size:
        return None
    proposer = PROPOSERS.get(study.sampler, samplers.propose)
    for again in range(TRIES):
        params = proposer(study, number, seed(study.seed, number, again))
        if cube.key(study, params) not in tried:
            return params
    return params if size is None else _left(study, tried, size, number)


def _left(study: Study, tried: set[str], size: int, number: int) -> Params | None:
    """Settings of a finite space that were not tried, by chance; None when there are none."""
    chance = random.Random(seed(study.seed, number))  # noqa: S311  (repeatable by intent)
    if size > ENUMERATED:
        while cube.key(study, params := cube.combination(study, chance.randrange(size))) in tried:
            pass
        return params
    combinations = (cube.combination(study, place) for place in range(size))
    left = [params for params in combinations if cube.key(study, params) not in tried]
    return chance.choice(left) if left else None


def seed(of_sweep: int, number: int, again: int = 0) -> int:
    """A seed for one trial: the sweep's and its number decide, so that asking again after a kill changes nothing."""
    return int.from_bytes(hashlib.sha256(f"{of_sweep}/{number}/{again}".encode()).digest()[:4])


PROPOSERS: dict[str, Callable[[Study, int, int], Params]] = {"qmc": samplers.quasi_random, "cmaes": cma.propose}
