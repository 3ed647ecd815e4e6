"""One attempt of a worker in its folder: started once, watched, read to its end.

    new -> living -> ended

Runs, models, imports, work, backends and trackers all live by this; each adds only what is its own: which row of the
database it is, what an event means, and what happens at the end.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.process import events, news, process
from engine.process.plan import Plan

LOCK = "start.lock"


class State(StrEnum):
    NEW = "new"  # never given to a shim
    LIVING = "living"
    ENDED = "ended"  # and nothing of it runs any more


@dataclass(frozen=True)
class Seen:
    """What a look at an attempt found: the events since the last look, and where the next one begins to read."""

    state: State
    events: list[events.Event]
    offset: int
    is_news: bool  # something was written since, be it only a torn line

    @property
    def over(self) -> bool:
        """Whether it has ended and everything it said was read before."""
        return self.state is State.ENDED and not self.is_news


def look(folder: Path, attempt: int, offset: int = 0) -> Seen:
    """The state first, then the events: whatever an attempt that has ended wrote is there to be read.

    While it lives, the reconciler comes again as soon as it has said its last word, or has ended.
    """
    state = state_of(folder, attempt)
    new_events, end = events.read(folder, offset)
    if state is State.LIVING:
        news.expect(folder, attempt, end)
    return Seen(state, new_events, end, end != offset)


def state_of(folder: Path, attempt: int) -> State:
    """Where an attempt is. Kills what was left behind when its shim was killed.

    The plan is asked for before the lock: it is written while the lock is held, so an attempt that is just being
    started never looks like one that has ended.
    """
    if not process.was_started(folder, attempt):
        return State.NEW
    if process.alive(folder):
        return State.LIVING
    if process.exit_record(folder, attempt) is None:  # a shim that ends in its own time has swept before it says so
        process.sweep(folder)
    return State.ENDED


def start(folder: Path, attempt: int, plan: Callable[[], Plan], secrets: dict[str, str] | None = None) -> None:
    """Plans and starts an attempt. Does nothing when it was started before, or while somebody else is about to.

    Raises what `plan` raises, and ConflictError while an earlier attempt still lives in the folder.
    """
    if process.was_started(folder, attempt):
        return
    with starting(folder) as alone:
        if alone and not process.was_started(folder, attempt):
            said = events.size(folder)  # by earlier attempts
            process.start(plan(), folder, attempt, secrets)
            news.expect(folder, attempt, said)


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[bool]:
    """Whether the caller alone may start something in the folder, until the block ends or the caller is killed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _try_lock(lock)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tries_again(attempt: int, retries: int) -> bool:
    """Whether an attempt that died without a word is followed by another one, by itself."""
    return attempt <= retries


def last_words(folder: Path, lines: int = 8) -> str:
    """The end of what its processes printed."""
    return process.tail(folder / "output.log", lines)
