"""How much memory a program and everything it started hold."""

import contextlib
from pathlib import Path

import psutil

from engine.process import process


def memory_bytes(folder: Path) -> int | None:
    """Of what works in a folder, below its shim; None when nothing does. What two processes share counts twice."""
    pid = process.shim_pid(folder)
    if pid is None:
        return None
    sizes = []
    with contextlib.suppress(psutil.Error):
        for member in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has just ended
                sizes.append(int(member.memory_info().rss))
    return sum(sizes) if sizes else None
