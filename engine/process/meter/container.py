"""The memory of the container that the studio runs in, if it has a limit of its own (cgroup v2)."""

from pathlib import Path

import psutil

LIMIT = Path("/sys/fs/cgroup/memory.max")
USED = Path("/sys/fs/cgroup/memory.current")
FACTS = Path("/sys/fs/cgroup/memory.stat")


def limit_bytes() -> int | None:
    """None where it has no limit."""
    return _number(LIMIT)


def memory_bytes() -> int:
    """The memory of the machine itself, or of the container if that has less."""
    total, limit = psutil.virtual_memory().total, limit_bytes()
    return total if limit is None else min(total, limit)


def used_bytes() -> int | None:
    """What cannot be dropped at once: files that the kernel has read do not count. None outside of a container."""
    used = _number(USED)
    return None if used is None else max(0, used - _droppable())


def _number(file: Path) -> int | None:
    """A file that holds one number; None where it is missing, or says "max"."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _droppable() -> int:
    try:
        lines = FACTS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
