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
    failures: list[float] = field(default_factory=list)
    pauses: int = 0
    closed_until: float = 0.0


class Throttle:
    """Remembers failed logins by address, in memory, for the addresses seen last."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, address: str) -> float:
        """How long this address has to wait before its next try; 0 when it need not."""
        with self._lock:
            tries = self._tries.get(address)
            return max(0.0, tries.closed_until - time.monotonic()) if tries else 0.0

    def failed(self, address: str) -> None:
        """Counts a wrong try, and closes the door for a while when there were too many."""
        now = time.monotonic()
        with self._lock:
            tries = self._tries.setdefault(address, _Tries())
            self._tries.move_to_end(address)
            tries.failures = [at for at in tries.failures if now - at < WINDOW_SECONDS] + [now]
            if len(tries.failures) >= TRIES:
                tries.closed_until = now + min(WINDOW_SECONDS * 2**tries.pauses, LONGEST_PAUSE_SECONDS)
                tries.pauses, tries.failures = min(tries.pauses + 1, 10), []
            if len(self._tries) > _MOST_ADDRESSES:
                self._tries.popitem(last=False)

    def succeeded(self, address: str) -> None:
        with self._lock:
            self._tries.pop(address, None)
