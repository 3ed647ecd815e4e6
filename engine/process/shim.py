"""The tiny supervisor of one attempt: a program of its own, standard library only, which outlives the studio.

    python -I engine/process/shim.py FOLDER ATTEMPT LOCK      (started by process.py, which hands it the lock it holds)

It kills what an earlier attempt left behind, starts the command of FOLDER/plan.ATTEMPT.json, and beside it what the
plan wants to look on (`beside`), waits for it, kills what that left behind, and writes FOLDER/exit.ATTEMPT.json. Its
life is the lock's: the file FOLDER/shim.lock is locked exactly as long as the shim lives, so nobody ever has to trust
a process id. SIGTERM asks the worker to end and kills it ten seconds later. When the shim itself is killed, Linux
kills the worker (PDEATHSIG); whatever escaped that, a process in a session of its own for instance, carries the
cookie TUNESMITH_WORK=FOLDER in its environment and is swept by the next attempt or by the reconciler. Without /proc
and prctl (macOS) only the worker's group is reached.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COOKIE = "TUNESMITH_WORK"
LOG = "output.log"
TERM_SECONDS = 10
COMPANION_SECONDS = 1
LOG_SECONDS = 2
LOG_HEAD, LOG_TAIL = 4 << 20, 60 << 20  # bytes of output.log that stay: its beginning and its end
PAGE = 4096
KEEP_SIZE, PUNCH_HOLE = 1, 2
NOT_STARTED = 127  # the exit code shells use for a command that could not be started
OOM_SCORE = 500  # so that the kernel, out of memory, takes the worker and not the studio
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PROC = Path("/proc")


def main(folder: Path, attempt: int) -> None:
    """Runs one attempt from its plan to its exit record."""
    wake = _listen()
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    me = os.getpid()
    record: dict[str, Any] = {"attempt": attempt, "shim": me, "shim_started": started_at(me)}
    write_json(folder / "shim.json", record)
    sweep(folder)  # a process of an earlier attempt must not write while this one does
    oom_kills = _oom_kills()
    try:
        worker = _start(folder, attempt)
    except OSError as error:
        with (folder / LOG).open("a", encoding="utf-8") as log:
            log.write(f"The command could not be started: {error}\n")
        write_json(folder / f"exit.{attempt}.json", {"attempt": attempt, "code": NOT_STARTED, "at": time.time()})
        return
    write_json(folder / "shim.json", record | {"worker": worker.pid, "worker_started": started_at(worker.pid)})
    companion = _start_companion(folder, attempt)
    killed = _wait(worker, wake, folder / LOG)
    _end(companion)
    sweep(folder, orphans=True)
    # A launcher whose child was killed (torchrun) ends with a code of its own. A worker that knew has said so itself.
    out_of_memory = worker.returncode not in (0, -signal.SIGTERM) and not killed and _oom_kills() > oom_kills
    end = {"attempt": attempt, "code": worker.returncode, "at": time.time(), "out_of_memory": out_of_memory}
    write_json(folder / f"exit.{attempt}.json", end)


def _start(folder: Path, attempt: int) -> "subprocess.Popen[bytes]":
    plan = json.loads((folder / f"plan.{attempt}.json").read_text(encoding="utf-8"))
    output = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            plan["argv"],
            env=os.environ | plan["env"] | {COOKIE: str(folder)},
            cwd=folder.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,  # a file, never a pipe: a pipe that nobody reads stalls the training
            stderr=output,
            start_new_session=True,
            preexec_fn=_in_worker(os.getpid(), plan.get("nice", 0)),  # safe: the shim has one thread
        )
    finally:
        os.close(output)


def _start_companion(folder: Path, attempt: int) -> "subprocess.Popen[bytes] | None":
    """What the plan wants beside the worker. It only looks on: the attempt is the same without it."""
    argv = json.loads((folder / f"plan.{attempt}.json").read_text(encoding="utf-8")).get("beside")
    if not argv:
        return None
    output = os.open(folder / "beside.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        env, start = os.environ | {COOKIE: str(folder)}, _in_companion(os.getpid())
        return subprocess.Popen(
            argv, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, preexec_fn=start,
        )  # fmt: skip
    except OSError:
        return None
    finally:
        os.close(output)


def _in_companion(shim: int) -> Callable[[], None]:
    """As in the worker. SIGTERM waits until the companion listens: a worker may end before that."""
    prepare = _in_worker(shim)

    def prepare_to_wait() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        prepare()

    return prepare_to_wait


def _end(companion: "subprocess.Popen[bytes] | None") -> None:
    """Lets the companion write what it knows; a moment later it is swept with the rest."""
    if companion is not None:
        companion.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            companion.wait(COMPANION_SECONDS)


def _in_worker(shim: int, nice: int = 0) -> Callable[[], None]:
    def prepare() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != shim:  # it died before the line above could tell Linux
            os._exit(1)
        with contextlib.suppress(OSError):
            (PROC / "self/oom_score_adj").write_text(str(OOM_SCORE))
        if nice:
            os.nice(nice)
            with contextlib.suppress(OSError):  # on a desktop Linux shares the processor out between sessions first
                (PROC / "self/autogroup").write_text(str(nice))

    return prepare


def _listen() -> int:
    """A descriptor that becomes readable at SIGCHLD, and carries a byte for each SIGTERM."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # the byte in the pipe says it
    return reader


def _wait(worker: "subprocess.Popen[bytes]", wake: int, log: Path) -> bool:
    """Waits until the worker has ended, and keeps its log short meanwhile; says whether it was killed here."""
    deadline: float | None = None
    killed = False
    while worker.poll() is None:
        seconds = LOG_SECONDS if deadline is None else min(LOG_SECONDS, max(0.0, deadline - time.monotonic()))
        select.select([wake], [], [], seconds)
        signals = _drain(wake)
        shorten(log)
        if deadline is None and signal.SIGTERM in signals:
            _signal_group(worker.pid, signal.SIGTERM)
            deadline = time.monotonic() + TERM_SECONDS
        elif deadline is not None and time.monotonic() >= deadline:
            _signal_group(worker.pid, signal.SIGKILL)
            killed, deadline = True, time.monotonic() + TERM_SECONDS
    return killed


def shorten(log: Path, head: int = LOG_HEAD, tail: int = LOG_TAIL) -> None:
    """Gives the disk back what lies in the middle of a long log. Offsets stay, and the worker writes on at its end.

    A file system without holes gets the whole log taken away instead: better than a full disk.
    """
    with contextlib.suppress(OSError):
        status = log.stat()
        if status.st_blocks * 512 < 2 * (head + tail):
            return
        size = (status.st_size - tail - head) // PAGE * PAGE
        file = os.open(log, os.O_WRONLY)
        try:
            if not _punch(file, head, size):
                os.truncate(file, 0)
        finally:
            os.close(file)


def _punch(file: int, start: int, size: int) -> bool:
    if sys.platform != "linux":
        return False
    how, first, length = PUNCH_HOLE | KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(size)
    return bool(ctypes.CDLL(None).fallocate(file, how, first, length) == 0)


def _drain(wake: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(wake, 4096)
    return b""


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def sweep(folder: Path, orphans: bool = False) -> int:
    """Kills every process that carries the folder's cookie and says how many there were.

    With `orphans` also every child of the caller: what the shim, as subreaper, was left when a worker ended.
    Repeats until none is found, because a process may fork between the look and the kill.
    Raises RuntimeError when they keep coming for five seconds.
    """
    swept = 0
    for _ in range(100):
        pids = _living(f"{COOKIE}={folder}".encode(), os.getpid() if orphans else None)
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                swept += 1
        if not pids:
            if orphans:
                _reap_all()
            return swept
        time.sleep(0.05)
    raise RuntimeError(f"Processes of {folder} cannot be killed: {pids}")


def _living(cookie: bytes, parent: int | None) -> list[int]:
    if not PROC.is_dir():
        return []
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and _belongs(pid, cookie, parent)]


def _belongs(pid: int, cookie: bytes, parent: int | None) -> bool:
    try:
        state, ppid = _stat(pid)[:2]
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone, or another user's
        return False
    return state != "Z" and (int(ppid) == parent or cookie in environment.split(b"\0"))


def _reap_all() -> None:
    """Collects every dead child, adopted ones too: in a container nobody else may do it, and a zombie holds its id."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before them may hold anything."""
    return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()


def started_at(pid: int) -> int | None:
    """When a process began, in clock ticks since boot: with its id it names one process for ever. None when gone."""
    try:
        return int(_stat(pid)[19])
    except OSError:
        return None


def _oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since boot."""
    with contextlib.suppress(OSError):
        for line in (PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def write_json(path: Path, value: Any) -> None:
    """Writes a file that is there whole or not at all, even when the power fails."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}.draft")  # one writer, one draft
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))  # the lock is the third: inherited, held open, never touched
