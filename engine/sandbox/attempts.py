"""What is tried inside a sandbox before anything is trusted to it: a program of the standard library, run as code is.

Reads what to try from stdin as JSON, prints JSON: for each attempt, whether it was held back. It is not imported.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

PTRACE_SEIZE = 0x4206  # attaches without stopping: where it is allowed, the studio goes on
told: dict[str, Any] = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)


def refused(action: Callable[..., Any], *arguments: Any) -> bool:
    """Whether it raises."""
    try:
        action(*arguments)
    except (OSError, MemoryError):
        return True
    return False


def _open(path: str, mode: str) -> None:
    with open(path, mode) as file:
        file.read(1) if mode == "r" else file.write("x")


def reads() -> bool:
    return all(refused(_open, path, "r") for path in told["secrets"])


def writes() -> bool:
    """The studio looks as well."""
    return all(refused(_open, f"{path}/tried", "w") for path in told["open_folders"])


def changes() -> bool:
    return all(refused(os.chmod, path, 0o755) for path in told["open_folders"])


def tcp() -> bool:
    return refused(lambda: socket.create_connection(("127.0.0.1", told["tcp"]), 2).close())


def udp() -> bool:
    """The studio looks whether something came."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", told["udp"]))
    return True


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)


def local_sockets() -> bool:
    return all(refused(_connect, address) for address in told["sockets"])


def memory() -> bool:
    return refused(lambda: bytearray(told["memory_bytes"] * 2))


def processes() -> bool:
    """Starts them until that fails; each waits a little, so that all are there at once."""
    started: list[int] = []
    try:
        while len(started) < told["processes"] * 2:
            if not (child := os.fork()):
                time.sleep(5)
                os._exit(0)
            started.append(child)
    except OSError:
        return True
    finally:
        for child in started:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return False


def file_size() -> bool:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def write() -> None:
        with open("large", "wb") as file:
            file.seek(told["file_bytes"])
            file.write(b"x" * 4096)

    return refused(write)


def other_processes() -> bool:
    """No signal to the studio, no look into it."""
    pid = told["studio"]
    traced = [libc.ptrace(PTRACE_SEIZE, other, None, None) == 0 for other in (pid, os.getppid())]
    return not any(traced) and refused(os.kill, pid, 0) and refused(_open, f"/proc/{pid}/environ", "r")


def kernel() -> bool:
    """Nothing that would lead out: new namespaces, mounts, System V memory, memory without a limit.

    Asked so that it changes nothing where it is allowed: another error then comes than "not permitted".
    """
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (libc.unshare, (0x10000000,)),
        (libc.mount, (b"none", b".", b"nosuchfs", 0, None)),
        (libc.shmget, (0x7E57, 4096, 0)),
        (libc.memfd_create, (b"x", 0)),
    ]
    return all(call(*arguments) < 0 and ctypes.get_errno() == errno.EPERM for call, arguments in calls)


def environment() -> bool:
    return (
        told["planted"] not in os.environ
        and told["planted"] not in subprocess.run(["/usr/bin/env"], capture_output=True, text=True, check=False).stdout
    )


def leftovers() -> bool:
    """A process that lets go of everything and stays. The studio looks whether it is gone afterwards."""
    if not os.fork():
        os.setsid()
        if not os.fork():
            for descriptor in range(3):
                os.close(descriptor)
            time.sleep(60)
        os._exit(0)
    os.wait()
    return True


def total_memory() -> bool:
    """Each process below its limit, all together above. Ended from outside: this is never seen to return."""
    for _ in range(4):
        if not os.fork():
            held = bytearray(told["memory_bytes"] // 2)  # noqa: F841
            time.sleep(20)
            os._exit(0)
    shared = mmap.mmap(-1, told["memory_bytes"] // 2)
    shared.write(b"x" * (told["memory_bytes"] // 2))
    time.sleep(20)
    return False


sys.stdout.write(json.dumps({name: globals()[name]() for name in told["attempts"]}))
