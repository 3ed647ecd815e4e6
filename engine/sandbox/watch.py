"""Processes of a sandbox, seen from outside: which there are, and the memory they have together."""

import contextlib
import os
import signal
from collections.abc import Iterator

COUNTED = ("RssAnon:", "RssShmem:")  # what a file behind it could not give back


def below(pid: int) -> Iterator[int]:
    """Every process under this one. A kernel without `children` (before 4.2, or built so) shows none."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    yield child
                    yield from below(child)


def memory_bytes(pid: int) -> int:
    """What all processes under this one hold together; pages that two share count twice."""
    return sum(_memory_bytes(child) for child in below(pid))


def _memory_bytes(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        return sum(int(line.split()[1]) << 10 for line in file if line.startswith(COUNTED))
    return 0


def threads_of_user(user: int) -> int:
    """How many processes and threads a user has: without a namespace, RLIMIT_NPROC counts all of them."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
