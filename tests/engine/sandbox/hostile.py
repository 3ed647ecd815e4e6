"""A program that means ill, run inside a sandbox: tries what is not among the probes, and tells what it got.

Reads what to try it on from stdin. Prints JSON: for each attempt "" where it was held back, else what came of it.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import struct
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


def opened_for_writing(path: str) -> str:
    with open(path, "r+b", buffering=0):
        return f"could write {path}"


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


def by_descriptor() -> str:
    """The same over a descriptor of the studio's process, not over its number."""
    signal.pidfd_send_signal(os.pidfd_open(told["studio"]), signal.SIGUSR1)
    return "a signal over a descriptor"


def by_pipe() -> str:
    """The kernel sends it: to whom a pipe belongs, when there is something to read."""
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, told["studio"])
    fcntl.fcntl(reading, 10, signal.SIGUSR1)  # F_SETSIG
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writing, b"x")
    return "a signal by a pipe"


def refused_calls() -> str:
    """Every system call that the filter names, with arguments that change nothing where it is let through."""
    passed = []
    for name, number in told["refused"].items():
        if libc.syscall(number, -1, -1, -1, -1, -1, -1) >= 0 or ctypes.get_errno() != errno.EPERM:
            passed.append(name)
    if not passed:
        raise PermissionError
    return f"let through: {' '.join(passed)}"


def memory_file() -> str:
    """A program that lies in memory alone, where no limit of files counts it."""
    descriptor = libc.memfd_create(b"program", 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "memfd_create")
    with open("/bin/true", "rb") as program:
        os.write(descriptor, program.read())
    return str(subprocess.run([f"/proc/self/fd/{descriptor}"], pass_fds=[descriptor], check=True).returncode)


def counted_events() -> str:
    """perf_event_open of a software event, in the smallest structure it takes."""
    attributes = ctypes.create_string_buffer(struct.pack("@IIQ", 1, 64, 0), 64)
    return numbered(298 if x86 else 241, attributes, -1, 0, -1, 0)


def set_user_bit() -> str:
    """A program of its own that becomes who owns it: of no use where nobody else can be its owner."""
    with open("become", "wb") as file:
        file.write(b"#!/bin/sh\nid -u")
    try:
        os.chown("become", 0, 0)
        os.chmod("become", 0o4755)
        return "a program of root's"
    finally:
        os.unlink("become")


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
    "every refused call": refused_calls,
    "page faults of its own": lambda: numbered(323 if x86 else 282, 1),  # userfaultfd
    "memory of the studio": lambda: open(f"/proc/{told['studio']}/mem", "rb").close(),
    "memory of what started it": lambda: open(f"/proc/{os.getppid()}/mem", "rb").close(),
    "words of the studio's memory": lambda: called("process_vm_readv", told["studio"], None, 0, None, 0, 0),
    "files that the studio has open": lambda: os.listdir(f"/proc/{told['studio']}/fd"),
    "a program in memory": memory_file,
    "signal by a descriptor": by_descriptor,
    "signal by a pipe": by_pipe,
    "memory of System V": lambda: called("shmget", 0, 4096, 0o1600),
    "messages of System V": lambda: called("msgget", 0, 0o1600),
    "semaphores of System V": lambda: called("semget", 0, 1, 0o1600),
    "message queues": lambda: called("mq_open", b"/tunesmith", os.O_CREAT | os.O_RDWR, 0o600, None),
    "what happens in the home": lambda: called("inotify_add_watch", libc.inotify_init(), os.fsencode(folder), 0xFFF),
    "what happens anywhere": lambda: called("fanotify_init", 0, 0),
    "events of the processor": counted_events,
    "the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "the pace of the clock": lambda: called("adjtimex", ctypes.create_string_buffer(512)),
    "the machine's name": lambda: opened_for_writing("/proc/sys/kernel/hostname"),
    "where cores go": lambda: opened_for_writing("/proc/sys/kernel/core_pattern"),
    "the machine's keys": lambda: opened_for_writing("/proc/sysrq-trigger"),
    "the machine's memory": lambda: open("/dev/mem", "rb").close(),
    "words of the kernel": lambda: read("/dev/kmsg"),
    "settings of the kernel": lambda: opened_for_writing("/sys/kernel/mm/transparent_hugepage/enabled"),
    "a device of its own": lambda: os.mknod("disk", 0o60600, os.makedev(8, 0)),
    "a program of root's": set_user_bit,
    "another's root": lambda: os.listdir(f"/proc/{told['studio']}/root/home"),
    "namespaces of another": lambda: called("setns", os.open(f"/proc/{os.getppid()}/ns/mnt", os.O_RDONLY), 0),
    "packets of its own": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "processors of the studio": lambda: os.sched_setaffinity(told["studio"], {0}),
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
