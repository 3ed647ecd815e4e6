"""What a program and everything it started take: memory, and time of the processor."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from engine.process import process

T = TypeVar("T")


def memory_bytes(folder: Path) -> int | None:
    """Of what works in a folder, below its shim; None when nothing does. What two processes share counts twice."""
    sizes = _of_each(folder, lambda member: int(member.memory_info().rss))
    return sum(sizes) if sizes else None


def pids(folder: Path) -> list[int]:
    """The processes that work in a folder, below its shim."""
    return _of_each(folder, lambda member: member.pid)


def cpu_seconds(folder: Path) -> float | None:
    """What the living processes in a folder have computed since their starts; None when there are none.

    Less than before when one of them has ended meanwhile.
    """
    times = _of_each(folder, lambda member: sum(member.cpu_times()[:2]))
    return sum(times) if times else None


def wants_a_core(folder: Path) -> bool:
    """Whether a thread of what works in a folder runs just now, or would if others left it a core. On Linux; else no.

    Source: proc_pid_stat(5), the state behind the program's name: R.
    """
    return any(_of_each(folder, lambda member: _is_runnable(member.pid)))


def _is_runnable(pid: int) -> bool:
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            if path.read_bytes().rpartition(b")")[2].split()[:1] == [b"R"]:
                return True
    return False


def _of_each(folder: Path, measure: Callable[[psutil.Process], T]) -> list[T]:
    pid = process.shim_pid(folder)
    readings: list[T] = []
    if pid is None:
        return readings
    with contextlib.suppress(psutil.Error):
        for member in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has just ended
                readings.append(measure(member))
    return readings
