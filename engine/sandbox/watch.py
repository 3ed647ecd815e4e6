"""Processes of a sandbox, seen from outside: which there are, and the memory they have together."""

import contextlib
import os
import signal
import stat
from collections.abc import Collection, Iterator

COUNTED = ("RssAnon:", "RssShmem:")  # what a file behind it could not give back
SHARED_OUT = ("Pss_Anon:", "Pss_Shmem:")  # the same, each page divided by those who have it


def below(pid: int) -> Iterator[int]:
    """Every process under this one. A kernel without `children` (before 4.2, or built so) shows none."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    yield child
                    yield from below(child)


def memory_bytes(pids: Collection[int], limit: int) -> int:
    """What these processes hold together, pages that two share counted once.

    To count those takes the kernel time, so it is asked only where a rough count is above `limit`.
    """
    rough = sum(_sum(child, "status", COUNTED) or 0 for child in pids)
    if rough <= limit:
        return rough
    exact = [(_sum(child, "smaps_rollup", SHARED_OUT), child) for child in pids]
    # The guard lets nobody look so closely; it is small, and shares nothing.
    return sum(_sum(child, "status", COUNTED) or 0 if size is None else size for size, child in exact)


def _sum(pid: int, name: str, fields: tuple[str, ...]) -> int | None:
    """Of these lines of a file in /proc, in bytes; None where it cannot be read."""
    try:
        with open(f"/proc/{pid}/{name}") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith(fields))
    except OSError:
        return None


def unlinked_bytes(pids: Collection[int]) -> int:
    """Of files that these processes hold open and that have no name any more: no walk finds them."""
    sizes: dict[tuple[int, int], int] = {}
    for child in pids:
        folder = f"/proc/{child}/fd"
        with contextlib.suppress(OSError):  # one that has ended, or may not be looked into: the guard
            for name in os.listdir(folder):
                with contextlib.suppress(OSError):
                    facts = os.stat(f"{folder}/{name}")
                    if stat.S_ISREG(facts.st_mode) and not facts.st_nlink:
                        sizes[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(sizes.values())


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
