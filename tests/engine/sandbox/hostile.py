"""A program that means ill, run inside a sandbox: tries what is not among the probes, and tells what it got.

Reads what to try it on from stdin. Prints JSON: for each attempt "" where it was held back, else what came of it.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

told: dict[str, Any] = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
Attempt = Callable[[], Any]


def got(attempt: Attempt) -> str:
    """What came of it; "" when it raised."""
    try:
        return str(attempt())[:200] or "nothing, and no error"
    except (OSError, MemoryError, ValueError, subprocess.SubprocessError):
        return ""


def read(path: str) -> str:
    with open(path, errors="replace") as file:
        return file.read(100) or "an empty file"


def write(path: str) -> str:
    with open(path, "a") as file:
        file.write("was here")
    return f"wrote {path}"


def by_link(target: str) -> str:
    os.symlink(target, "link")
    try:
        return read("link")
    finally:
        os.unlink("link")


def by_libc(path: str) -> str:
    """Past Python: the C library's own open and read."""
    descriptor = libc.open(path.encode(), 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), path)
    buffer = ctypes.create_string_buffer(100)
    libc.read(descriptor, buffer, 100)
    return buffer.value.decode(errors="replace")


def by_shell(path: str) -> str:
    return subprocess.run(["/bin/sh", "-c", 'cat "$0"', path], capture_output=True, check=True, text=True).stdout


def hard_link(path: str) -> str:
    os.link(path, "hard")
    return "linked"


def called(name: str, *arguments: Any) -> str:
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return f"{name} worked"


def numbered(number: int, *arguments: Any) -> str:
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), str(number))
    return f"system call {number} worked"


def mounted() -> str:
    """A file system that there is not: where mounts are allowed, another error comes than "not permitted"."""
    libc.mount(b"none", b".", b"nosuchfs", 0, None)
    if ctypes.get_errno() == errno.EPERM:
        raise OSError(errno.EPERM, "mount")
    return "mounts are allowed"


def opened(family: int) -> str:
    socket.socket(family, socket.SOCK_DGRAM if family == 16 else socket.SOCK_STREAM).close()
    return f"a socket of family {family}"


def more(limit: int) -> str:
    resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "no limit any more"


def signalled() -> str:
    for pid in (told["studio"], told["studios_parent"]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGCONT)
            return f"a signal to {pid}"
    raise ProcessLookupError


def every_process() -> str:
    """Signals to all there are. Afterwards the studio and this program are both still there."""
    signal.signal(signal.SIGCONT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.kill(-1, signal.SIGCONT)
    raise ProcessLookupError


def secrets_around() -> str:
    """Words of the studio's in any environment or command line that can be read."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            text = read(f"/proc/{name}/environ")
            if told["planted"] in text:
                return text
    raise FileNotFoundError


x86 = os.uname().machine == "x86_64"
secret, folder = told["secret"], told["folder"]
ATTEMPTS: dict[str, Attempt] = {
    "read /etc/shadow": lambda: read("/etc/shadow"),
    "read the home": lambda: read(secret),
    "list the home": lambda: next(name for name in os.listdir(os.path.dirname(secret)) if "secret" in name),
    "read the home by a link": lambda: by_link(secret),
    "read the home by libc": lambda: by_libc(secret),
    "read the home by a shell": lambda: by_shell(secret),
    "read the home by a second name": lambda: hard_link(secret),
    "write into an open folder": lambda: write(f"{folder}/file"),
    "write into /usr": lambda: write("/usr/file"),
    "write over the program that holds it": lambda: open(told["start"], "r+b").close(),
    "remove the secret": lambda: os.unlink(secret),
    "rename the home": lambda: os.rename(os.path.dirname(secret), "stolen"),
    "rights of the secret": lambda: os.chmod(secret, 0o777),
    "times of the secret": lambda: os.utime(secret, (1, 1)),
    "10 GB": lambda: bytearray(10_000_000_000),
    "ptrace": lambda: called("ptrace", 0x4206, os.getppid(), None, None),
    "ptrace the studio": lambda: called("ptrace", 0x4206, told["studio"], None, None),
    "signal the studio": signalled,
    "signal everybody": every_process,
    "limits of the studio": lambda: resource.prlimit(told["studio"], resource.RLIMIT_NOFILE),
    "secrets of others": secrets_around,
    "become root": lambda: os.setuid(0) if os.getuid() else os.listdir("/root/."),
    "more processes": lambda: more(resource.RLIMIT_NPROC),
    "larger files": lambda: more(resource.RLIMIT_FSIZE),
    "namespaces": lambda: called("unshare", 0x10000000 | 0x00020000),
    "mount": mounted,
    "chroot": lambda: called("chroot", b"/usr"),
    "socket to the machine below": lambda: opened(40),  # AF_VSOCK, in no namespace
    "socket to the kernel": lambda: opened(16),  # AF_NETLINK
    "socket to the wire": lambda: opened(17),  # AF_PACKET
    "keys of the user": lambda: numbered(250 if x86 else 219, 0, -3, 0),
    "io_uring": lambda: numbered(425, 8, ctypes.create_string_buffer(120)),
    "programs in the kernel": lambda: numbered(321 if x86 else 280, 0, None, 0),
    "a docker socket": lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"),
    "hide from the studio": lambda: called("prctl", 4, 0, 0, 0, 0),
    "the terminal": lambda: write("/dev/tty"),
}
results = {name: got(attempt) for name, attempt in ATTEMPTS.items()}

# Left behind for whoever looks at what was written: links out, a pipe, a folder that nobody may enter.
os.symlink("/etc/passwd", "leak.txt")
os.symlink(os.path.dirname(secret), "leak")
os.mkfifo("pipe.txt")
os.mkdir("out")
with open("out/good.txt", "w") as file:
    file.write("kept")
os.mkdir("closed", 0o000)

if not os.fork():  # a daemon: of no session of ours, with no pipe of ours
    os.setsid()
    if not os.fork():
        for descriptor in range(3):
            os.close(descriptor)
        time.sleep(60)
    os._exit(0)
os.wait()
sys.stdout.write(json.dumps(results))
