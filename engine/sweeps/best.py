"""How far the best settings are ahead of those one began with, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from engine.recipes.provenance import is_same_value
from engine.sweeps import noise, study, taste
from engine.sweeps.spec import Direction, Value
from engine.sweeps.study import Trial
from engine.sweeps.taste import Pick

Verdict = Literal["better", "worse", "unclear", "unknown", "same"]
ENOUGH = 2  # repeats of the best, before its lead has an interval


@dataclass(frozen=True)
class Lead:
    """The best against the start. `gain` is positive when the best is better, in the objective's own unit.

    `value` is the mean of the best's repeats once there are two, for its own value was picked as the best of many,
    which flatters it. `low` and `high` bound the gain at 95 %.
    """

    best: Trial
    value: float
    repeats: int
    start: Trial | None = None
    start_value: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict = "unknown"
    why: str = ""  # why nothing sure can be said
    source: str = ""  # what the interval is from


def lead(trials: Sequence[Trial], start: Mapping[str, Value], direction: Direction) -> Lead | None:
    """None while no trial of the search has finished.

    The interval: difference of the two means, plus and minus Student's t times s * sqrt(1/n + 1/m), with the pooled
    standard deviation s of all repeats (two samples of equal variance).
    """
    best = study.best(tuple(trials), direction)
    if best is None or not best.values:
        return None
    repeated = noise.groups(trials)
    own = repeated.get(best.number, [])
    value = fmean(own) if len(own) >= ENOUGH else best.values[0]
    first = _start(trials, start)
    if first is None or not first.values:
        return Lead(best, value, len(own), why=_NO_START)
    if first.number == best.number:
        return Lead(best, value, len(own), first, value, 0.0, verdict="same", why=_SAME)
    starts = [first.values[0], *repeated.get(first.number, [])]
    sign = 1 if direction == "maximize" else -1
    gain = sign * (value - fmean(starts))
    others = [values for number, values in repeated.items() if number not in (first.number, best.number)]
    spread = noise.pooled([own, starts, *others])
    if len(own) < ENOUGH or spread is None:
        return Lead(best, value, len(own), first, fmean(starts), gain, why=_unknown(len(own)))
    deviation, freedom = spread
    margin = noise.student(freedom) * deviation * math.sqrt(1 / len(own) + 1 / len(starts))
    low, high = gain - margin, gain + margin
    source = f"{len(own)} repeats with other seeds"
    return Lead(best, value, len(own), first, fmean(starts), gain, low, high, _verdict(low, high), "", source)


def by_taste(lead: Lead, picks: Sequence[Pick], trials: Sequence[Trial], start: Mapping[str, Value]) -> Lead:
    """The same lead of scores by taste, with the interval that the picks give it."""
    if lead.start is None:
        is_there = any(_is_start(trial, start) for trial in trials)
        return replace(lead, why=_NOT_COMPARED if is_there else _NO_START)
    if lead.verdict == "same":
        return lead
    scored = {trial.number: trial.values[0] for trial in trials if trial.state == "complete" and trial.values}
    low, high = taste.apart(picks, scored, lead.best.number, lead.start.number)
    source = f"{len(picks)} pick{'s' if len(picks) > 1 else ''}"
    return replace(lead, low=low, high=high, verdict=_verdict(low, high), why="", source=source)


_NOT_COMPARED = "Nobody has compared the trial with the settings of the form yet."
_NO_START = "No finished trial has the settings of the form, so the start is unknown."
_SAME = "No trial was better than the settings of the form."


def _start(trials: Sequence[Trial], start: Mapping[str, Value]) -> Trial | None:
    """The finished trial of the search with those settings."""
    return next((trial for trial in trials if trial.values and _is_start(trial, start)), None)


def _is_start(trial: Trial, start: Mapping[str, Value]) -> bool:
    same = all(field in trial.params and _same(trial.params[field], value) for field, value in start.items())
    return same and trial.phase == "search" and trial.state == "complete"


def _same(value: Value, other: Value) -> bool:
    if isinstance(value, float) and isinstance(other, int | float) and not isinstance(other, bool):
        return math.isclose(value, other, rel_tol=1e-9)
    return is_same_value(value, other)


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return "better"
    return "worse" if high < 0 else "unclear"


def _unknown(repeats: int) -> str:
    done = "It was not repeated" if repeats == 0 else "It was repeated once"
    return f"{done} with another seed, so nothing says how sure this is: {ENOUGH} repeats are needed."
