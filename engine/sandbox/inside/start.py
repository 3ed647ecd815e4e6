"""The first program in a sandbox: shuts itself in by what the means leaves to do, runs the code, tells how it ended.

Three processes at most. The guard stays outside of what holds the code; it is the first process of its namespace, or,
where there is none, adopts every orphan (subreaper), so nothing of the code outlives it. The code is its child. With
namespaces made here there is one more above, as the maker of a process namespace does not enter it.

What it was told comes as JSON in the first argument (`Told`). On the status pipe it writes JSON lines: {"began": true},
{"failed": why}, {"exit": as a shell says it, "memory_bytes": the largest process's peak, "seconds": of the code}.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal, NoReturn, TypedDict

from engine.sandbox.inside import landlock, namespaces, program, seccomp

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
NOT_STARTED = 97
SIGNALS_VERSION = 6  # of Landlock: from here on it keeps signals inside
MEMORY_SPARE = 1 << 30  # of address space, for what is mapped and not filled

Means = Literal["bubblewrap", "namespaces", "landlock"]


class Told(TypedDict):
    """What the studio says; paths are as this process sees them."""

    means: Means
    user: int | None  # the one to become; None: stay who we are
    folder: str  # the only one that can be written
    entry: str
    readable: list[str]  # for Landlock
    packages: list[str]
    limits: dict[str, int]  # by the names in `_limit`
    status: int  # a descriptor
    root: str  # what was put on the path to find this file


class _EndedError(Exception):
    """The studio asks for the end."""


def main() -> None:
    """Never returns in the guard; in the code's own process it returns when the code has ended."""
    told: Told = json.loads(sys.argv[1])
    sys.path.remove(told["root"])
    try:
        _become(told["user"])
        oom_score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(oom_score, b"1000")  # short of memory, the kernel ends this before others
        os.chdir(told["folder"])
        if told["means"] == "namespaces":
            namespaces.enter(told["folder"])
            _above()
        elif told["means"] == "landlock":
            _prctl(PR_SET_CHILD_SUBREAPER, 1)
            _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            signal.signal(signal.SIGTERM, _asked)
        else:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # bubblewrap's own went with the change of user
        _prctl(PR_SET_DUMPABLE, 0)  # the code cannot look into the guard
        child = os.fork()
    except OSError as error:
        _not_started(told["status"], error)
    if child:
        if told["means"] == "landlock":
            os.write(oom_score, b"500")  # and the code before the one who knows what else there is to be ended
        _guard(child, told)
    os.close(oom_score)
    _run(told)


def _become(user: int | None) -> None:
    """Another user, without a single right: root is bound by no limit on processes."""
    if user is None:
        return
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _prctl(PR_SET_DUMPABLE, 1)  # the change took it away, and with it /proc/self


def _above() -> None:
    """Starts the first process of the new namespace, which returns from here; ends with it."""
    child = os.fork()
    if not child:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os._exit(_shell_code(os.waitpid(child, 0)[1]))


def _guard(child: int, told: Told) -> NoReturn:
    """Waits for the code, ends what it has left, and tells."""
    began, peak, status = time.monotonic(), 0, int(signal.SIGKILL)
    with contextlib.suppress(_EndedError):
        for ended, ended_status, used in _endings(told["status"]):
            peak = max(peak, used.ru_maxrss)
            if ended == child:
                status = ended_status
                break
    seconds = time.monotonic() - began
    if told["means"] == "landlock":
        _end_all()
    code = _shell_code(status)
    _tell(told["status"], {"exit": code, "memory_bytes": peak << 10, "seconds": seconds})
    os._exit(code)


def _endings(status: int) -> Iterator[tuple[int, int, Any]]:
    """Every child that ends, as os.wait4 says it. Raises _EndedError once nobody reads the status pipe any more.

    The kernel's own word for that, PR_SET_PDEATHSIG, does not come from a parent that may not signal this user, such
    as a bubblewrap of root's; and a studio that is killed has no last words.
    """
    woken, wakes = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler at all, so that it is written to the pipe
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(status, 0)  # its reader's end is told unasked
    while True:
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            yield ended
        for descriptor, _ in poll.poll():
            if descriptor == status:
                raise _EndedError
            os.read(woken, 1 << 12)


def _run(told: Told) -> None:
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _limit(told["limits"])
        refused = seccomp.REFUSED
        if told["means"] == "landlock":
            refused = refused | seccomp.METADATA
            if landlock.version() < SIGNALS_VERSION:
                refused = refused | seccomp.SIGNALS
        if told["means"] == "namespaces":
            namespaces.give_up_rights()
        if told["means"] != "bubblewrap":
            landlock.restrict(told["readable"], told["folder"])
        _prctl(PR_SET_DUMPABLE, 1)
        seccomp.install(refused, {"bubblewrap": "all", "namespaces": "internet", "landlock": "none"}[told["means"]])
    except OSError as error:
        _not_started(told["status"], error)
    _tell(told["status"], {"began": True})
    os.close(told["status"])
    program.run(told["entry"], told["packages"])


def _limit(limits: dict[str, int]) -> None:
    """What is over them fails inside, or ends the process. Set here, in its namespace: only there processes count."""
    seconds, memory = limits["cpu_seconds"], limits["memory_bytes"]
    bounds = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),  # the first is a signal that leaves time for last words
        resource.RLIMIT_DATA: (memory, memory),
        resource.RLIMIT_AS: (2 * memory + MEMORY_SPARE,) * 2,
        resource.RLIMIT_FSIZE: (limits["file_bytes"],) * 2,
        resource.RLIMIT_NPROC: (limits["processes"] + limits["others"],) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    for number, (soft, hard) in bounds.items():
        allowed = resource.getrlimit(number)[1]
        if allowed != resource.RLIM_INFINITY:
            soft, hard = min(soft, allowed), min(hard, allowed)
        resource.setrlimit(number, (soft, hard))
    os.nice(limits["nice"])


def _end_all() -> None:
    """Ends every process below this one. All are stopped first: what is stopped starts no other."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        seen: set[int] = set()
        while new := set(_below(os.getpid())) - seen:
            for pid in new:
                _signal(pid, signal.SIGSTOP)
            seen |= new
        for pid in seen:
            _signal(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _below(pid: int) -> Iterator[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    yield child
                    yield from _below(child)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _asked(*_: Any) -> None:
    raise _EndedError


def _shell_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _not_started(status: int, error: OSError) -> NoReturn:
    _tell(status, {"failed": str(error)})
    os._exit(NOT_STARTED)


def _tell(status: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the studio may be gone
        os.write(status, json.dumps(message).encode() + b"\n")


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
