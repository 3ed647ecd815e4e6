"""Runs code that nobody has read: without a network, without the studio's files, with limits, or not at all.

`means()` says by what this machine holds code back; `run()` runs it so. Where nothing passes its probes, nothing runs.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from engine.sandbox import checked, probing, running
from engine.sandbox.errors import BusySandboxError, NoSandboxError, SandboxError
from engine.sandbox.limits import Limits, Result
from engine.sandbox.probing import Means

__all__ = ["BusySandboxError", "Limits", "Means", "NoSandboxError", "Result", "SandboxError", "means", "room", "run"]

AT_ONCE = max(2, min(8, os.cpu_count() or 2))
WAIT_SECONDS = 2.0

_places = threading.BoundedSemaphore(AT_ONCE)


def means() -> Means:
    """By what this machine holds code back: tried once a process, within two seconds. `name` is "" for nothing."""
    return probing.found()


def run(
    files: Mapping[str, str | bytes],
    stdin: str = "",
    language: str = "python",
    limits: Limits | None = None,
    entry: str = "main.py",
) -> Result:
    """Runs `entry` of these files and waits for its end. Safe from many threads; at most AT_ONCE run at once.

    Raises SandboxError for what cannot be run as given (422), NoSandboxError where nothing holds it back (503),
    BusySandboxError where no place becomes free (503).
    """
    limits = limits or Limits()
    checked.refuse(files, stdin, language, limits, entry)
    ways = means()
    if not ways.name:
        raise NoSandboxError(
            f"Code is not run on this machine: {ways.in_a_line}.", "`tunesmith doctor` names each probe."
        )
    with room():
        return running.run_in(ways.name, files, stdin.encode("utf-8", "replace"), limits, entry)


@contextmanager
def room() -> Iterator[None]:
    """A place among those that run at once. Raises BusySandboxError when none is free for WAIT_SECONDS."""
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise BusySandboxError(
            f"{AT_ONCE} programs are running already, as many as can at once.", "Try again in a moment."
        )
    try:
        yield
    finally:
        _places.release()
