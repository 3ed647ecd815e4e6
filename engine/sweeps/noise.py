"""What chance alone does: how much the same settings differ from seed to seed, and whether to go on still pays."""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from engine.sweeps.spec import Direction
from engine.sweeps.study import Trial

STANDARD_ERRORS = 2  # of the difference between two runs: less than that is noise

# Student's t, 97.5 %: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), table 26.10.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_NORMAL = 1.959964


def groups(trials: Sequence[Trial]) -> dict[int, list[float]]:
    """The first values of the repeats with other seeds, by the trial that they repeat. That trial is not among them."""
    repeats: dict[int, list[float]] = defaultdict(list)
    for trial in trials:
        if trial.phase == "repeat" and trial.of is not None and trial.state == "complete" and trial.values:
            repeats[trial.of].append(trial.values[0])
    return dict(repeats)


def pooled(repeated: Sequence[Sequence[float]]) -> tuple[float, int] | None:
    """(standard deviation of one run, degrees of freedom), from groups of the same settings; None without two alike.

    sqrt(sum of squared distances from each group's mean / sum of (size - 1)): the pooled standard deviation.
    """
    freedom = sum(len(values) - 1 for values in repeated if len(values) > 1)
    if freedom == 0:
        return None
    squares = sum((value - fmean(values)) ** 2 for values in repeated if len(values) > 1 for value in values)
    return math.sqrt(squares / freedom), freedom


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with `freedom` >= 1. Above 10 by A&S 26.7.5, exact to 0.001."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z = _NORMAL
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def pays(trials: Sequence[Trial], direction: Direction, patience: int | None) -> bool:
    """Whether a sweep should go on: False once the last `patience` trials brought no gain beyond the noise.

    The best of all trials before those is compared with the best among them, so that many small gains add up. Noise is
    two standard errors of the difference between two runs of the same settings with other seeds; without repeats it is
    unknown, and any gain counts. Finished and pruned trials of the search count; those that failed say nothing.
    """
    if patience is None:
        return True
    judged = [trial for trial in trials if trial.phase == "search" and trial.state in ("complete", "pruned")]
    before, last = _best(judged[:-patience], direction), _best(judged[-patience:], direction)
    if len(judged) <= patience or before is None:
        return True  # too few to say
    return last is not None and before - last > _noise(trials)


def _best(trials: Sequence[Trial], direction: Direction) -> float | None:
    """The best first value, turned so that less is better."""
    sign = 1 if direction == "minimize" else -1
    return min((sign * trial.values[0] for trial in trials if trial.state == "complete" and trial.values), default=None)


def _noise(trials: Sequence[Trial]) -> float:
    spread = pooled(list(groups(trials).values()))
    return STANDARD_ERRORS * math.sqrt(2) * spread[0] if spread else 0.0
