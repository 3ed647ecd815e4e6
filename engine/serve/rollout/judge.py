"""Whether a deployment on trial (green) is kept: what it did with its share of the requests, beside the old one (blue).

Pure. It is asked every second, so a difference has to be clear before it counts: of a thousand trials of equal
backends, with times as widely spread as those of answers, none went back (tests beside).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LEAST_REQUESTS = 20  # that green has to answer before it is kept
LEAST_ERRORS = 3  # fewer are an accident
LEAST_TIMES = 20  # of each side, before times are compared
USUAL_ERROR_SHARE = 0.05  # of a blue that has answered too little to say
ERRORS_CHANCE = 1e-3  # less probable than this, and a difference is no accident
TIMES_CHANCE = 1e-4  # times are looked at far more often than errors come
SLOWER = 1.5  # times blue's median, and
SLOWER_SECONDS = 0.05  # more than that: what nobody notices sends nothing back

Word = Literal["on", "back", "promote"]


@dataclass(frozen=True)
class Side:
    """What one backend did: requests that ended, those that failed, and how long good ones took, in seconds.

    `stream` holds the times to the first piece of streamed answers, `whole` the times to the end of the others.
    """

    requests: int = 0
    errors: int = 0
    stream: Sequence[float] = ()
    whole: Sequence[float] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether the trial goes on, and why."""

    word: Word
    reason: str


def verdict(blue: Side, green: Side, seconds: float, wanted_seconds: float) -> Verdict:
    """`seconds`: how long the trial has lasted; `wanted_seconds`: how long it is to last."""
    if reason := _fails_more(blue, green) or _is_slower(blue, green):
        return Verdict("back", reason)
    if seconds < wanted_seconds:
        return Verdict("on", f"{wanted_seconds - seconds:.0f} s are left.")
    if green.requests < LEAST_REQUESTS:
        return Verdict("on", f"{green.requests} of at least {LEAST_REQUESTS} requests were answered.")
    return Verdict("promote", f"It answered {green.requests} requests, {green.errors} of them with an error.")


def _fails_more(blue: Side, green: Side) -> str:
    """Green failed so often that a backend which fails as often as blue would hardly ever."""
    if green.errors < LEAST_ERRORS or at_least(green.errors, green.requests, _error_share(blue)) >= ERRORS_CHANCE:
        return ""
    beside = f"{blue.errors} of {blue.requests}"
    return f"{green.errors} of its {green.requests} requests failed, compared with {beside} of the version before."


def _error_share(blue: Side) -> float:
    """Blue's share of errors, with one more error than was seen (Laplace's rule): none of five is not none at all."""
    seen = blue.errors / blue.requests if blue.requests else 0.0
    return min((blue.errors + 1) / (blue.requests + 2), max(seen, USUAL_ERROR_SHARE))


def at_least(count: int, tries: int, share: float) -> float:
    """At most so probable are `count` or more hits in `tries`, each a hit with probability `share`.

    Chernoff's bound, exp(-tries * KL(count / tries, share)): closed, and never less than the binomial tail itself.
    """
    seen = count / tries
    if seen <= share:
        return 1.0
    divergence = seen * math.log(seen / share)
    if seen < 1:
        divergence += (1 - seen) * math.log((1 - seen) / (1 - share))
    return math.exp(-tries * divergence)


def _is_slower(blue: Side, green: Side) -> str:
    for what, times, usual in (
        ("the first word of a stream", green.stream, blue.stream),
        ("a whole answer", green.whole, blue.whole),
    ):
        if min(len(times), len(usual)) < LEAST_TIMES:
            continue
        now, before = statistics.median(times), statistics.median(usual)
        if (
            now > SLOWER * before
            and now - before > SLOWER_SECONDS
            and lateness_probability(usual, times) < TIMES_CHANCE
        ):
            return f"It took {now:.2f} s for {what}, compared with {before:.2f} s of the version before (medians)."
    return ""


def lateness_probability(usual: Sequence[float], times: Sequence[float]) -> float:
    """How probable it is that `times` are as late as they are, were they drawn as `usual` is.

    The rank sum test of Mann and Whitney (1947), one-sided, by its normal approximation; ties count half.
    """
    ranks = _mean_ranks([*usual, *times])
    n, m = len(usual), len(times)
    u = sum(ranks[time] for time in times) - m * (m + 1) / 2
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    return 0.5 * math.erfc((u - n * m / 2) / deviation / math.sqrt(2))


def _mean_ranks(values: Sequence[float]) -> dict[float, float]:
    """Each different value with its rank from 1; equal ones share the mean of their ranks."""
    ranks: dict[float, list[int]] = {}
    for rank, value in enumerate(sorted(values), 1):
        ranks.setdefault(value, []).append(rank)
    return {value: statistics.fmean(shared) for value, shared in ranks.items()}
