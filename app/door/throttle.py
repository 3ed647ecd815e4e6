"""Slows down guessing: five tries a minute from one address, then a pause that doubles each time."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

TRIES = 5
WINDOW_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
_MOST_ADDRESSES = 10_000


@dataclass
class _Tries:
    begun: list[float] = field(default_factory=list)
    pauses: int = 0
    closed_until: float = 0.0


class Throttle:
    """Remembers tries to log in by address, in memory, for the addresses seen last."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: str) -> float:
        """Counts a try, before anybody knows how it ends. Says how many seconds to wait instead; 0 means go on.

        What is counted afterwards only is passed by asking a hundred times at once.
        """
        now = time.monotonic()
        with self._lock:
            tries = self._tries.setdefault(address, _Tries())
            if tries.closed_until > now:
                return tries.closed_until - now
            self._tries.move_to_end(address)
            tries.begun = [at for at in tries.begun if now - at < WINDOW_SECONDS] + [now]
            if len(tries.begun) >= TRIES:
                tries.closed_until = now + min(WINDOW_SECONDS * 2**tries.pauses, LONGEST_PAUSE_SECONDS)
                tries.pauses, tries.begun = min(tries.pauses + 1, 10), []
            if len(self._tries) > _MOST_ADDRESSES:
                self._tries.popitem(last=False)
        return 0.0

    def succeeded(self, address: str) -> None:
        """Forgets the tries of an address that knew the secret."""
        with self._lock:
            self._tries.pop(address, None)
