"""What makes the reconciler look before its second is over: something that others wait for has happened.

    came()             says so: a click, an answer, a stage that is done
    expect(folder)     an attempt lives there: its last word is such news, and so is its end
    wait(seconds)      returns when there is news, or when the time is over

Nothing depends on it: who looks once a second finds everything. Steps and progress are no news of this kind, or a
training would keep the reconciler busy. An attempt that nobody expects anew between two waits is forgotten.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from engine.process import events

MOST_EXPECTED = 1000  # where nobody waits; the oldest are forgotten
GLANCE_SECONDS = 0.1  # between two looks at those that are expected, and at least between two rounds
LAST_WORDS = (events.Ready, events.Finished, events.Failed)


@dataclass
class _Expected:
    """An attempt, and the byte up to which its events were read."""

    folder: Path
    attempt: int
    offset: int

    def has_come(self) -> bool:
        if (self.folder / f"exit.{self.attempt}.json").exists():
            return True
        if events.size(self.folder) <= self.offset:
            return False
        new_events, self.offset = events.read(self.folder, self.offset)
        return any(isinstance(event, LAST_WORDS) for event in new_events)


class News:
    """For any number of threads that tell, and one that waits."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._expected: dict[tuple[Path, int], _Expected] = {}
        self._lock = threading.Lock()

    def came(self) -> None:
        self._came.set()

    def expect(self, folder: Path, attempt: int, offset: int) -> None:
        with self._lock:
            if len(self._expected) >= MOST_EXPECTED:
                del self._expected[next(iter(self._expected))]
            self._expected[folder, attempt] = _Expected(folder, attempt, offset)

    def wait(self, seconds: float) -> None:
        began = time.monotonic()
        with self._lock:
            expected, self._expected = list(self._expected.values()), {}
        while (left := began + seconds - time.monotonic()) > 0:
            if self._came.wait(min(left, GLANCE_SECONDS) if expected else left):
                break
            if any(one.has_come() for one in expected):
                break
        time.sleep(max(0.0, began + min(GLANCE_SECONDS, seconds) - time.monotonic()))
        self._came.clear()


_news = News()
came, expect, wait = _news.came, _news.expect, _news.wait
