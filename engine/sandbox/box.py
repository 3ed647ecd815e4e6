"""One sandbox: a folder, a process in it, pipes; watched, and ended with everything that is in it.

Whoever opens it stays until it is closed: the processes inside end with the thread that started them.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.sandbox import commands, folder, watch
from engine.sandbox.commands import Name, Start
from engine.sandbox.limits import Limits

END_SECONDS = 20.0  # a busy machine; the guard knows best what there is to be ended
OWN_PROCESSES = 3  # of the sandbox itself, at most
LEAST_FREE_BYTES = 1 << 30
ROOTS_USERS = (1_900_000_000, 100_000_000)  # first, how many: nobody's, and in no range that others give out
FEW_USERS = (20_000, 20_000)  # where only 65,536 are mapped, as in most containers


@dataclass
class Box:
    """A sandbox that runs. `status` is what the guard reports on."""

    means: Name
    folder: Path
    process: "subprocess.Popen[bytes]"
    status: int
    peak_bytes: int = 0

    @property
    def box(self) -> Path:
        """The folder that the code may write."""
        return self.folder / folder.BOX

    @property
    def output(self) -> int:
        return _descriptor(self.process.stdout)

    @property
    def errors(self) -> int:
        return _descriptor(self.process.stderr)

    def trouble(self, limits: Limits) -> str:
        """The limit that only a look from outside can hold, in words; "" while all are kept."""
        pids = list(watch.below(self.process.pid))
        if len(pids) > limits.processes + OWN_PROCESSES:  # where a user's other processes count, a limit is no count
            return f"it had more than {limits.processes} processes"
        memory = watch.memory_bytes(pids, limits.memory_bytes)
        self.peak_bytes = max(self.peak_bytes, memory)
        if memory > limits.memory_bytes:
            return f"its processes had more than {limits.memory_bytes // 10**6} MB of memory together"
        if folder.is_over(self.box, watch.unlinked_bytes(pids)):
            most = (
                f"{folder.MOST_DISK_BYTES // 10**6} MB, {folder.MOST_ENTRIES} files or {folder.MOST_DEPTH} folders deep"
            )
            return f"it wrote more than {most}"
        if shutil.disk_usage(self.box).free < LEAST_FREE_BYTES:
            return "the disk of this machine is nearly full"
        return ""

    def end(self) -> None:
        """Ends every process in it. Returns when they have ended."""
        if self.process.poll() is not None:
            return
        if self.means == commands.LANDLOCK:
            self.process.send_signal(signal.SIGTERM)  # the guard ends what is below it, and knows all of it
        else:
            first = next(watch.below(self.process.pid), self.process.pid)
            watch.kill(first)  # of its namespace: the kernel ends the others with it
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
            return
        for pid in [*watch.below(self.process.pid), self.process.pid]:
            watch.kill(pid)
        self.process.wait()


def _descriptor(pipe: IO[bytes] | None) -> int:
    return pipe.fileno() if pipe else -1


def user() -> int | None:
    """Who code runs as: a user of its own where the studio is root; None where it is not."""
    if os.geteuid() != 0:
        return None
    first, count = ROOTS_USERS if _mapped(ROOTS_USERS[0]) else FEW_USERS
    return first + secrets.randbelow(count)


def _mapped(number: int) -> bool:
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(inside <= number and number + ROOTS_USERS[1] < inside + count for inside, _, count in ranges)


@contextmanager
def opened(
    means: Name, files: Mapping[str, str | bytes], stdin: bytes | None, limits: Limits, entry: str = "main.py"
) -> Iterator[Box]:
    """A sandbox in which `entry` runs, for the length of the block. Raises OSError, NoSandboxError.

    `stdin` None: a pipe, `process.stdin`, for who wants to go on talking to it.
    """
    runs_as = user()
    place = folder.made(runs_as)
    try:
        folder.fill(place / folder.BOX, files, runs_as)
        readable, writable = os.pipe()
        with os.fdopen(readable, "rb"), _started(Start(means, place, entry, limits, runs_as, writable), stdin) as child:
            box = Box(means, place, child, readable)
            try:
                yield box
            finally:
                box.end()
    finally:
        folder.remove(place)


@contextmanager
def _started(start: Start, stdin: bytes | None) -> Iterator["subprocess.Popen[bytes]"]:
    with os.fdopen(start.status, "wb"), _readable(stdin) as source:
        streams: dict[str, Any] = {"stdin": source, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = subprocess.Popen(
            commands.argv(start), env=commands.environment(start), cwd="/", start_new_session=True,
            pass_fds=(start.status,), **streams,
        )  # fmt: skip
    with child:
        yield child


@contextmanager
def _readable(stdin: bytes | None) -> Iterator[IO[bytes] | int]:
    """A file at its start, that can only be read; or the word for a pipe."""
    if stdin is None:
        yield subprocess.PIPE
        return
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.flush()
        with open(f"/proc/self/fd/{given.fileno()}", "rb") as source:
            yield source


def ready(descriptors: Collection[int], deadline: float, most: float) -> list[int]:
    """Those that can be read or have ended: by the deadline (time.monotonic), after `most` seconds at the latest."""
    poll = select.poll()  # select() knows no descriptor above 1,023, and a studio under load has them
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    seconds = max(0.0, min(most, deadline - time.monotonic()))
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
