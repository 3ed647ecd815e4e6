"""Work from the command line beside a studio that may or may not be running on the same home."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from app.cli.printed import change
from engine.life.life import Life
from storage import db, home

T = TypeVar("T")

ASK_SECONDS = 0.5


def studio_runs() -> bool:
    """Whether a studio moves things on this home: its reconciler holds the lock."""
    home.ensure_folder(home.home())
    descriptor = os.open(home.engine_lock(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def engine(follow: bool) -> Iterator[bool]:
    """Makes sure that somebody does the work; says whether the caller should wait for it.

    A running studio does it, and the caller waits only when it wants to. Without one the engine lives in this process
    until the block ends; trainings it has started go on after that, under their shims.
    """
    if studio_runs():
        db.prepare()
        yield follow
        return
    life = Life("command")
    life.start()
    try:
        yield True
    finally:
        life.stop()


def follow(
    look: Callable[[], T], is_over: Callable[[T], bool], line: Callable[[T], str], say: Callable[[str], None],
    facts: Callable[[T], Any] | None = None,
) -> T:  # fmt: skip
    """Looks again and again until it is over, and says each new line. Returns the last look.

    `facts`: what programs are told of each change but the last, which is for the caller to answer.
    """
    last = ""
    while True:
        row = look()
        if (text := line(row)) != last:
            say(text)
            last = text
            if facts is not None and not is_over(row):
                change(facts(row))
        if is_over(row):
            return row
        time.sleep(ASK_SECONDS)


def work_until_stopped(say: Callable[[str], None]) -> None:
    """The engine without the window, until SIGTERM or Ctrl+C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    db.prepare()
    life = Life("worker")
    life.start()
    say("The worker is ready. Press Ctrl+C to stop it; running trainings continue.")
    stop.wait()
    life.stop()


def worker() -> None:
    """Move queued work on, without the window: for further machines over a shared folder."""
    work_until_stopped(typer.echo)
