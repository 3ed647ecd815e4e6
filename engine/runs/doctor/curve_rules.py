"""What a loss curve says about a training that goes wrong. Pure: numbers in, a finding out; no torch, no files.

False alarms cost more than late ones, so every rule compares the quarter of a window that is best with what was bad
before: under noise alone that does not happen (test_curve_rules.py tries many kinds of noise).
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

WINDOW = 50  # points of the curve
FIRST = 3  # points that say where it began
FACTOR, MARGIN = 2.0, 1.0  # times what was bad before, and so many nats above that
ZERO = 1e-7
ZEROS = 20  # points in a row
LATER_EVALUATIONS, RISE, SURE_RISE = 3, 0.05, 0.2  # shares of the best


@dataclass(frozen=True)
class Finding:
    """Something is wrong since `since`: what it was at `before`, and what it is now."""

    since: int  # step
    before: float
    now: float


class Divergence:
    """A loss that has risen far above where it began, or above the best stretch of the curve, and stays there."""

    def __init__(self) -> None:
        self.first: list[tuple[int, float]] = []
        self.window: deque[tuple[int, float]] = deque(maxlen=WINDOW)
        self.best: Finding | None = None  # step, median and the worse end (a tenth of the points) of the best window

    def __call__(self, step: int, loss: float) -> Finding | None:
        """Takes in a point; says whether the training has diverged."""
        if len(self.first) < FIRST:
            self.first.append((step, loss))
            return None
        self.window.append((step, loss))
        if len(self.window) < WINDOW:
            return None
        values = sorted(value for _, value in self.window)
        low, middle, high = values[WINDOW // 4], values[WINDOW // 2], values[-WINDOW // 10]
        worst_start = max(self.first, key=lambda point: point[1])
        finding = None
        if low > _limit(worst_start[1]):
            finding = Finding(worst_start[0], worst_start[1], middle)
        elif self.best and low > _limit(self.best.now):
            finding = Finding(self.best.since, self.best.before, middle)
        if self.best is None or middle < self.best.before:
            self.best = Finding(step, middle, high)
        return finding


def _limit(value: float) -> float:
    return value + (FACTOR - 1) * abs(value) + MARGIN


class Zeros:
    """A number that is zero in every point for a long time. `at_least` points in a row are needed."""

    def __init__(self, at_least: int = ZEROS) -> None:
        self.at_least = at_least
        self.since = 0
        self.count = 0
        self.was_something = False

    def __call__(self, step: int, value: float) -> Finding | None:
        """Takes in a point; says whether there is nothing any more, or has never been."""
        if abs(value) > ZERO:
            self.count, self.was_something = 0, True
            return None
        self.since = step if self.count == 0 else self.since
        self.count += 1
        return Finding(self.since, 0.0, value) if self.count == self.at_least else None


class Overfitting:
    """Held-out loss that rises from evaluation to evaluation while the training loss falls."""

    def __init__(self) -> None:
        self.losses: deque[float] = deque(maxlen=WINDOW)
        self.best: tuple[int, float, float] | None = None  # step, held-out loss, training loss
        self.last = 0.0
        self.worse = 0
        self.reported = False

    def learnt(self, loss: float) -> None:
        self.losses.append(loss)

    def __call__(self, step: int, held_out: float) -> tuple[Finding, Finding] | None:
        """Takes in an evaluation; once it is plain, gives the held-out loss and the training loss then and now."""
        training_loss = median(self.losses) if self.losses else 0.0
        rises, self.last = held_out > self.last, held_out
        if self.best is None or held_out < self.best[1]:
            self.best, self.worse, self.reported = (step, held_out, training_loss), 0, False
            return None
        since, best, before = self.best
        threshold = RISE if rises else SURE_RISE
        self.worse = self.worse + 1 if held_out > best + threshold * abs(best) else 0
        if self.reported or self.worse < LATER_EVALUATIONS or training_loss >= before:
            return None
        self.reported = True
        return Finding(since, best, held_out), Finding(since, before, training_loss)
