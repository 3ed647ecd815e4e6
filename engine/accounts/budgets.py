"""How much of its requests a minute and tokens a day a key has left, counted in this process's memory.

What a request may take at most is reserved before it is passed on, and settled when it is known what it took: of two
requests at once not each gets what is left. A day is one of UTC, and begins with the tokens that the database has of
it, so a restart forgives nothing. Of the minute a restart knows nothing.

The library `limits` was tried for the minute: its store starts a thread for a request that comes ten milliseconds after
the one before, which took half a millisecond of processor time. The exact window is this deque.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from storage import db, usage
from storage.tables import ApiKey

MINUTE_SECONDS = 60.0
DAY_SECONDS = 86_400


def today(now: float | None = None) -> str:
    """The day as the usage has it: 2026-11-29, UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(now))


def until_tomorrow() -> int:
    """Seconds until the next day (UTC) begins."""
    return int(DAY_SECONDS - time.time() % DAY_SECONDS) + 1


@dataclass
class Budget:
    """Of one key. Only one thread may use it: the event loop's."""

    begun: deque[float] = field(default_factory=deque)  # when each request of the last minute came
    day: str = ""
    used: int = 0
    reserved: int = 0

    def wait_for_request(self, most: int) -> float:
        """Counts a request and answers 0; or counts nothing and says in how many seconds there is room again."""
        now = time.monotonic()
        while self.begun and self.begun[0] <= now - MINUTE_SECONDS:
            self.begun.popleft()
        if len(self.begun) >= most:
            return self.begun[len(self.begun) - most] + MINUTE_SECONDS - now
        self.begun.append(now)
        return 0.0

    def seconds_to_full(self) -> float:
        """Until the minute is empty again."""
        return self.begun[-1] + MINUTE_SECONDS - time.monotonic() if self.begun else 0.0

    def is_of_today(self) -> bool:
        """Whether the tokens of today were read from the database."""
        return self.day == today()

    def begin_day(self, day: str, used: int) -> None:
        """Takes over what the database has of a day. What is reserved stays: it will be settled on this day."""
        if self.day != day:
            self.day, self.used = day, used

    def left(self, most: int) -> int:
        """Tokens that are neither used nor reserved."""
        return max(0, most - self.used - self.reserved)

    def reserve(self, tokens: int) -> None:
        self.reserved += tokens

    def settle(self, reserved: int, used: int) -> None:
        """Gives back what was reserved and counts what was used."""
        self.reserved -= reserved
        self.used += used


_budgets: dict[str, Budget] = {}


def of(key: ApiKey) -> Budget:
    """The budget of a key."""
    if (budget := _budgets.get(key.id)) is None:
        budget = _budgets[key.id] = Budget()
    return budget


def read_day(key_id: str) -> tuple[str, int]:
    """Today, and the tokens that the database has of it."""
    day = today()
    with db.reading() as session:
        return day, usage.tokens_of_day(session, key_id, day)


def forget() -> None:
    """As after a restart."""
    _budgets.clear()
