"""Which means hold on this machine: each is tried with a program that means ill, until one holds everything back.

What a kernel promises and what a container allows are two things, so nothing is taken from versions or packages alone.
"""

import contextlib
import json
import os
import re
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.sandbox import commands, folder, running
from engine.sandbox.commands import Name
from engine.sandbox.errors import SandboxError
from engine.sandbox.limits import Limits
from storage import home

ATTEMPTS = Path(__file__).parent / "attempts.py"
PLANTED = "TUNESMITH_PLANTED"
LIMITS = Limits(wall_seconds=10, memory_bytes=128_000_000, processes=16, file_bytes=100_000, nice=0)
# In the order they are tried. What each is about, in the words of `tunesmith doctor`.
WORDS = {
    "reads": "files of the machine and of the studio are not read",
    "writes": "nothing is written outside",
    "changes": "rights of files outside are not changed",
    "tcp": "no TCP",
    "udp": "no UDP",
    "local_sockets": "no sockets of other programs",
    "memory": "memory is limited",
    "processes": "the number of processes is limited",
    "file_size": "the size of files is limited",
    "other_processes": "other processes are not seen, signalled or traced",
    "kernel": "no namespaces, mounts or shared memory",
    "environment": "the environment is empty of secrets",
    "leftovers": "no process outlives the run",
    "total_memory": "memory of all its processes together is limited",
}


@dataclass(frozen=True)
class Probe:
    """One attempt under one means: whether it was held back."""

    means: Name
    what: str
    held: bool


@dataclass(frozen=True)
class Means:
    """What holds code back here; `name` is "" when nothing does, and `reason` says why, a line a means."""

    name: Name | Literal[""]
    reason: str
    probes: tuple[Probe, ...]
    python: str = ""  # which Python the code gets

    @property
    def in_a_line(self) -> str:
        return self.reason.replace("\n", "; ")


NOTHING_SECONDS = 60.0  # a machine may only have been too busy to answer in time

_lock = threading.Lock()
_found: list[tuple[float, Means]] = []  # when, by time.monotonic


def found() -> Means:
    """The first that holds everything back; looked for once in a process, and again after a while where none does."""
    with _lock:
        if _found and not _found[0][1].name and time.monotonic() - _found[0][0] > NOTHING_SECONDS:
            _found.clear()
        if not _found:
            folder.remove_stale()
            _found.append((time.monotonic(), _look()))
        return _found[0][1]


def forget() -> None:
    """The next to ask tries everything again."""
    with _lock:
        _found.clear()


def _look() -> Means:
    probes: list[Probe] = []
    reasons: list[str] = []
    for name in commands.NAMES:
        reason, tried = probe(name)
        probes += tried
        if not reason:
            return Means(name, "\n".join(reasons), tuple(probes), commands.python(name, _user()).words)
        reasons.append(f"{name}: {reason}")
    return Means("", "\n".join(reasons), tuple(probes))


def _user() -> int | None:
    return 0 if os.geteuid() == 0 else None


def probe(name: Name) -> tuple[str, list[Probe]]:
    """Tries everything under one of the means: why it does not hold ("" when it does), and each attempt."""
    if name == commands.BUBBLEWRAP and not commands.bubblewrap():
        return "it is not installed", []
    try:
        held = _attempted(name)
    except (SandboxError, OSError, ValueError) as error:
        return str(error), []
    probes = [Probe(name, words, held.get(attempt, False)) for attempt, words in WORDS.items()]
    failed = [probe.what for probe in probes if not probe.held]
    return (f"these limits do not work: {', '.join(failed)}" if failed else ""), probes


def _attempted(name: Name) -> dict[str, bool]:
    """Two runs: the attempts one after the other; then memory, which ends the run."""
    files = {"main.py": ATTEMPTS.read_bytes()}
    with bait() as (told, looks):
        told["attempts"] = [attempt for attempt in WORDS if attempt != "total_memory"]
        result = running.run_in(name, files, json.dumps(told).encode(), LIMITS)
        if not result.stdout:
            raise SandboxError(f"the probe failed: {(result.stderr or result.ended_for).strip()[-300:]}")
        held: dict[str, bool] = {attempt: bool(answer) for attempt, answer in json.loads(result.stdout).items()}
        held = {attempt: answer and looks.get(attempt, lambda: True)() for attempt, answer in held.items()}
        told["attempts"] = ["total_memory"]
        result = running.run_in(name, files, json.dumps(told).encode(), LIMITS)
        return held | {"total_memory": "of memory together" in result.ended_for}


@contextmanager
def bait() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What is to be found outside, open to everybody; and looks at whether it was.

    Runs that go on meanwhile, such as that of a training's reward function, are none that was left over.
    """
    planted = secrets.token_hex(8)
    os.environ[PLANTED] = planted
    others = {path.name for path in Path(tempfile.gettempdir()).glob(f"{folder.PREFIX}{os.getpid()}-*")}
    studios = [str(home.database_file()), str(home.session_secret())]
    with tempfile.TemporaryDirectory(prefix="tunesmith-bait-") as place, _listening(place) as (tcp, udp, local):
        bait = Path(place)
        bait.chmod(0o777)
        (bait / "secret").write_text(planted)
        (bait / "secret").chmod(0o644)
        try:
            yield {
                "secrets": ["/etc/passwd", "/etc/shadow", *studios, str(bait / "secret")],
                "open_folders": [place], "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "sockets": local,
                "memory_bytes": LIMITS.memory_bytes, "processes": LIMITS.processes, "file_bytes": LIMITS.file_bytes,
                "studio": os.getpid(), "planted": PLANTED,
            }, {
                "writes": lambda: not (bait / "tried").exists(),
                "udp": lambda: not _has_come(udp),
                "leftovers": lambda: not _in_boxes() - others,
            }  # fmt: skip
        finally:
            os.environ.pop(PLANTED, None)


@contextmanager
def _listening(place: str) -> Iterator[tuple[socket.socket, socket.socket, list[str]]]:
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        addresses = [f"{place}/socket", f"\0{place}"]
        for address in addresses:
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        Path(addresses[0]).chmod(0o777)
        yield tcp, udp, addresses


def _in_boxes() -> set[str]:
    """The runs of this process that have processes, by the names of their folders."""
    name = re.compile(re.escape(f"{folder.PREFIX}{os.getpid()}-") + r"\w+")
    there: set[str] = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            there.update(name.findall(path.read_bytes().decode("utf-8", "replace")))
    return there


def _has_come(udp: socket.socket) -> bool:
    udp.setblocking(False)
    try:
        return bool(udp.recv(1))
    except BlockingIOError:
        return False
