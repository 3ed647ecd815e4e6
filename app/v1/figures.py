"""What an endpoint did in the last minute, in memory: requests, errors, tokens, and how long they took.

Durations are counted in steps of a twelfth (nine percent), so a minute of any load has a fixed size. Only the event
loop may use it.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.v1.queues import Queue

MINUTE = 60
STEPS = 8  # in a doubling of the time
SHORTEST = 1e-4  # seconds; what is shorter counts as this


@dataclass
class Second:
    """The sums of one second."""

    at: int
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    first_token: Counter[int] = field(default_factory=Counter)
    between_tokens: Counter[int] = field(default_factory=Counter)


class Figures:
    """Of one endpoint, with the line before it."""

    def __init__(self) -> None:
        self.queue = Queue()
        self._seconds: deque[Second] = deque(maxlen=MINUTE)

    def now(self) -> Second:
        """Where this second is counted."""
        at = int(time.monotonic())
        if not self._seconds or self._seconds[-1].at != at:
            self._seconds.append(Second(at))
        return self._seconds[-1]

    def began(self) -> None:
        self.now().requests += 1

    def failed(self) -> None:
        self.now().errors += 1

    def first_token(self, seconds: float) -> None:
        """After a request came."""
        self.now().first_token[_step(seconds)] += 1

    def tokens(self, count: int) -> None:
        """Of an answer, as they come, or all at once where it is not streamed."""
        self.now().tokens += count

    def between(self, seconds: float, times: int) -> None:
        """Between two words of a stream, so often."""
        self.now().between_tokens[_step(seconds)] += times

    def summary(self) -> dict[str, float | int | None]:
        """The last minute, as GET /api/endpoints/ID/stats has it."""
        since = int(time.monotonic()) - MINUTE
        seconds = [second for second in self._seconds if second.at > since]
        first, between = _sum(s.first_token for s in seconds), _sum(s.between_tokens for s in seconds)
        return {
            "requests_per_second": round(sum(s.requests for s in seconds) / MINUTE, 3),
            "tokens_per_second": round(sum(s.tokens for s in seconds) / MINUTE, 3),
            "errors_last_minute": sum(s.errors for s in seconds),
            "first_token_ms_p50": _percentile(first, 50),
            "first_token_ms_p95": _percentile(first, 95),
            "between_tokens_ms_p50": _percentile(between, 50),
            "between_tokens_ms_p95": _percentile(between, 95),
            "in_flight": self.queue.in_flight,
            "queued": self.queue.length,
        }


def _step(seconds: float) -> int:
    return int(math.log2(seconds / SHORTEST) * STEPS) if seconds > SHORTEST else 0


def _sum(counters: Iterable[Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _percentile(steps: Counter[int], percent: int) -> float | None:
    """In milliseconds: the middle of the step in which it lies. None when nothing was measured."""
    place = math.ceil(steps.total() * percent / 100)
    for step in sorted(steps):
        place -= steps[step]
        if place <= 0:
            return round(float(1000 * SHORTEST * 2 ** ((step + 0.5) / STEPS)), 2)
    return None


_figures: dict[str, Figures] = {}


def of(endpoint_id: str) -> Figures:
    """The figures of an endpoint; new ones for one that was not asked yet."""
    if (figures := _figures.get(endpoint_id)) is None:
        figures = _figures[endpoint_id] = Figures()
    return figures


def knows(endpoint_id: str) -> bool:
    """Whether anybody has asked it."""
    return endpoint_id in _figures


def keep(endpoint_ids: Iterable[str]) -> None:
    """Forgets endpoints that are gone, and in which nothing is going on."""
    kept = set(endpoint_ids)
    for id in [id for id, one in list(_figures.items()) if id not in kept and not one.queue.in_flight]:
        del _figures[id]
