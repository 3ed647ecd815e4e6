"""The only module beside the shim, and the sandbox's box, that starts or stops a process.

A process of the studio is a shim with a worker under it, in the folder of the run, model, dataset or backend it works
for. The folder's `shim.lock` is locked exactly as long as the shim lives: taken here, handed on open to the shim.
An attempt is started at most once, however often it is asked for: its plan file is the proof that it was.
"""

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConflictError
from engine.process import hub_token, shim
from engine.process.plan import Plan

LOCK = "shim.lock"
STOP = "stop.request"
LOCK_SECONDS = 2
START_SECONDS = 5
SPIN_COUNT = "10000"  # turns that a waiting thread of OpenMP makes; its own 300,000 stall a busy machine
ROOT = Path(__file__).resolve().parents[2]
# What opens the studio, or anything else, is no business of a worker, which may run a stranger's chat template.
WITHHELD = ("TUNESMITH_DATABASE_URL", "TUNESMITH_REDIS_URL")
SECRET = re.compile(r"(?:^|_)(?:TOKEN|PASSWORD|PASSWD|SECRET|KEY|KEY_ID|CREDENTIALS)$", re.IGNORECASE)
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b\x0c\x0e-\x1a]"
)


class Children:
    """The shims this process started, until they have ended: a dead child that nobody asks about stays a zombie."""

    def __init__(self) -> None:
        self._shims: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def add(self, shim: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._shims.append(shim)

    def reap(self) -> None:
        """Collects those that have ended."""
        with self._lock:
            self._shims = [shim for shim in self._shims if shim.poll() is None]


_children = Children()


def start(plan: Plan, folder: Path, attempt: int, secrets: dict[str, str] | None = None) -> None:
    """Starts the shim of an attempt and returns at once; does nothing when that attempt was started before.

    `secrets` go into the worker's environment and nowhere on the disk.
    Raises ConflictError while another attempt still lives in the folder.
    """
    _children.reap()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _started(folder) >= attempt:
        return
    with _locked(folder) as lock:
        if _started(folder) >= attempt:
            return
        (folder / STOP).unlink(missing_ok=True)
        for path, content in plan.files.items():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(content, encoding="utf-8")
        kept = {"argv": plan.argv, "env": plan.env, "beside": list(plan.beside), "nice": plan.nice}
        shim.write_json(folder / f"plan.{attempt}.json", kept)
        _children.add(_spawn(folder, attempt, lock, _environment(plan.knows) | (secrets or {})))


def _spawn(folder: Path, attempt: int, lock: int, env: dict[str, str]) -> "subprocess.Popen[bytes]":
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", shim.__file__, str(folder), str(attempt), str(lock)],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
        )


def _environment(knows: Sequence[str]) -> dict[str, str]:
    """The studio's own, without secrets other than those named, and with `engine` importable from any folder."""
    env = {name: value for name, value in os.environ.items() if name in knows or not _is_secret(name)}
    if hub_token.VARIABLE in knows and (token := hub_token.value()):
        env[hub_token.VARIABLE] = token
    paths = [str(ROOT), *filter(None, [env.get("PYTHONPATH")])]
    env.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    return env | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def _is_secret(name: str) -> bool:
    return name in WITHHELD or SECRET.search(name) is not None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder's lock, open; the folder is made. Whoever inherits the descriptor keeps it locked after the block."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock, folder)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:  # perhaps only somebody's glance in `alive`
            if time.monotonic() > deadline:
                hint = "Wait until it has ended, then try again."
                raise ConflictError(f"Another process still works in {folder.name}.", hint) from error
            time.sleep(0.02)


def _started(folder: Path) -> int:
    """The newest attempt that was ever started in the folder; 0 when none was."""
    numbers = [path.name.split(".")[1] for path in folder.glob("plan.*.json")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


@dataclass(frozen=True)
class Begun:
    """An attempt that was given to a shim: its number, and when (seconds since 1970)."""

    number: int
    at: float


def last_started(folder: Path) -> Begun | None:
    """The newest attempt in the folder; None when there was none."""
    number = _started(folder)
    return Begun(number, (folder / f"plan.{number}.json").stat().st_mtime) if number else None


def was_started(folder: Path, attempt: int) -> bool:
    """Whether the attempt was ever given to a shim (which may have died since)."""
    return (folder / f"plan.{attempt}.json").exists()


def forbid(folder: Path, attempt: int) -> None:
    """Makes sure that an attempt which was never started never will be. Raises ConflictError when one lives."""
    with _locked(folder):
        shim.write_json(folder / f"plan.{attempt}.json", {"argv": [], "env": {}})


def alive(folder: Path) -> bool:
    """Whether a shim lives in the folder. A lock cannot outlive its holder, so this is never a guess."""
    _children.reap()
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def exit_record(folder: Path, attempt: int) -> dict[str, Any] | None:
    """What the shim wrote at the end: `code`, `at`, `out_of_memory`. None while there is nothing."""
    try:
        record: dict[str, Any] = json.loads((folder / f"exit.{attempt}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return record


def exit_code(folder: Path, attempt: int) -> int | None:
    """The worker's exit code, negative for a signal. None while it runs, and when its shim was killed."""
    record = exit_record(folder, attempt)
    return None if record is None else int(record["code"])


def request_stop(folder: Path) -> None:
    """Asks the worker to save what it has and end; it looks at every step. Where none has begun, nobody is asked."""
    with contextlib.suppress(FileNotFoundError):
        (folder / STOP).touch(mode=0o600)


def terminate(folder: Path) -> None:
    """SIGTERM for the worker and everything under it, SIGKILL ten seconds later. Does not wait for either."""
    if not _signal_shim(folder, signal.SIGTERM):
        shim.sweep(folder)


def kill(folder: Path) -> None:
    """Ends the worker and everything under it now."""
    _signal_shim(folder, signal.SIGKILL)
    shim.sweep(folder)
    _children.reap()


def end(folder: Path, seconds: float = 5) -> None:
    """Ends whatever works in a folder, one that has only just begun as well, so that the folder can be removed."""
    deadline = time.monotonic() + seconds
    kill(folder)
    while alive(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
        kill(folder)


def sweep(folder: Path) -> int:
    """Kills what a shim that was itself killed left behind, and says how many there were."""
    return shim.sweep(folder)


def _signal_shim(folder: Path, number: int) -> bool:
    """Signals the living shim; False when there is none. One that has just begun gets a moment to say who it is."""
    deadline = time.monotonic() + START_SECONDS
    while alive(folder) and time.monotonic() < deadline:
        pid = shim_pid(folder)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            return True
        time.sleep(0.02)
    return False


def shim_pid(folder: Path) -> int | None:
    """The shim's process id, if it is still that process: the start time rules out an id used again."""
    try:
        record = json.loads((folder / "shim.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    pid = int(record["shim"])
    return pid if shim.started_at(pid) == record["shim_started"] else None


def output(argv: list[str], seconds: float = 10) -> str | None:
    """What a short command prints, such as nvidia-smi; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def conversed(argv: list[str], text: str, seconds: float) -> str | None:
    """What a short program of ours answers to a text; None when it fails or takes too long.

    It gets no secret of the studio's environment, and no proxy: what it connects to, it connects to by itself.
    """
    env = {name: value for name, value in _environment(()).items() if not name.lower().endswith("_proxy")}
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=seconds, check=True, env=env)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, as `readable`; empty when there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - (64 << 10)))
            text = readable(file.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def readable(text: str) -> str:
    """A log as a terminal would leave it: colours gone, and of each line what the last \\r left standing."""
    lines = _CONTROL.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
