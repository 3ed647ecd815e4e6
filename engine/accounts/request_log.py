"""The request log: what came through /v1, written by a thread of its own in batches.

Whoever answers a request only puts a small object in a queue in memory. The queue has an end: when the database cannot
be written for so long that it is full, the oldest are dropped, and counted. What a killed studio had not written is
lost: about a second of it.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.accounts import budgets
from engine.process import logs
from storage import db, usage
from storage.settings import settings

EVERY_SECONDS = 1.0
MOST_WAITING = 50_000
MOST_BATCH = 2_000
MOST_REQUESTS = 500_000  # rows kept at most, however young
MOST_WITH_CONTENT = 10_000
MOST_CONTENT_BYTES = 16 << 10  # of a question, and of an answer
DAY_SECONDS = 86_400
STUDIO = "studio"  # in the place of a key: what the studio's own pages ask


class Entry(NamedTuple):
    """One request, over. Fields as in storage.tables.LoggedRequest."""

    at: float
    key_id: str
    endpoint_id: str
    model: str
    route: str
    stream: bool
    status: int
    seconds: float
    first_token_seconds: float | None
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    question: str | None = None
    answer: str | None = None


class Log:
    """Takes entries from any thread, and writes them from its own between `start` and `stop`."""

    def __init__(self) -> None:
        self.dropped = 0
        self.keeps_content = False  # the setting as it was read last: too slow to read for each request
        self._waiting: deque[Entry] = deque()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # of two who write at once

    def add(self, entry: Entry) -> None:
        """Never waits, and never touches the database."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(entry)

    @property
    def is_idle(self) -> bool:
        """Whether nobody writes what is added."""
        return self._thread is None

    def start(self) -> None:
        """Begins to write; does nothing when it has begun."""
        if self._thread is None:
            self._stop.clear()
            self.keeps_content = settings().log_content
            self._thread = threading.Thread(target=self._work, name="request-log", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Writes what is left, and ends."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join(timeout=10)
            self._thread = None

    def write(self) -> None:
        """Writes everything that waits. What cannot be written is tried again at the next time."""
        with self._lock:
            while batch := [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_BATCH))]:
                try:
                    with db.session() as session:
                        usage.add(session, [entry._asdict() for entry in batch], _sums(batch))
                except BaseException:
                    self._waiting.extendleft(reversed(batch))
                    raise

    def forget(self) -> None:
        """Drops what waits."""
        self._waiting.clear()

    def _work(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            with logs.kept_going("requests"):
                self.keeps_content = settings().log_content
                self.write()
        with logs.kept_going("requests"):
            self.write()


def _sums(batch: Iterable[Entry]) -> list[dict[str, Any]]:
    """Rows of the usage; of requests for models that are not served there is none, or anybody could make rows."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in batch:
        if not entry.endpoint_id:
            continue
        names = (budgets.today(entry.at), entry.key_id, entry.model)
        row = rows.setdefault(
            names, dict(zip(("day", "key_id", "model"), names, strict=True)) | dict.fromkeys(usage.SUMS, 0)
        )
        row["requests"] += 1
        row["errors"] += entry.status >= 400
        row["estimated"] += entry.estimated
        row["prompt_tokens"] += entry.prompt_tokens
        row["completion_tokens"] += entry.completion_tokens
    return list(rows.values())


def drop_old() -> None:
    """Deletes requests that are older than the settings say, and forgets contents sooner. A chore of the upkeep."""
    now, current = time.time(), settings()
    before, content_before = now - current.log_days * DAY_SECONDS, now - current.log_content_days * DAY_SECONDS
    for drop, moment, most in (
        (usage.drop_requests, before, MOST_REQUESTS),
        (usage.drop_content, content_before, MOST_WITH_CONTENT),
    ):
        dropped = usage.BATCH
        while dropped == usage.BATCH:
            with db.session() as session:
                dropped = drop(session, moment, most)


LOG = Log()
