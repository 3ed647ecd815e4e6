"""The filter of system calls by itself, with what only older kernels take."""

import json
import os
import struct
import subprocess
import sys

import pytest

from engine.sandbox.inside import seccomp
from tests.conftest import ROOT

if sys.platform != "linux":
    pytest.skip("code is run on Linux only", allow_module_level=True)
EVERYTHING = seccomp.REFUSED | seccomp.METADATA | seccomp.SIGNALS
TRIED = """
import fcntl, json, os, resource, socket, struct, sys, threading
from engine.sandbox.inside import seccomp

def held(attempt, *arguments):
    try:
        attempt(*arguments)
    except PermissionError:
        return True
    return False

seccomp.install(seccomp.REFUSED | seccomp.METADATA | seccomp.SIGNALS, "none")
parent = os.getppid()
thread = threading.Thread(target=print, args=("",), kwargs={"file": sys.stderr})
thread.start()
thread.join()
child = os.fork()
if not child:
    os._exit(7)
print(json.dumps({
    "signals": held(os.kill, parent, 0), "signals to itself": held(os.kill, os.getpid(), 0),
    "limits of others": held(resource.prlimit, parent, resource.RLIMIT_NOFILE),
    "rights": held(os.chmod, sys.argv[1], 0o600), "times": held(os.utime, sys.argv[1]),
    "signals of a pipe": held(fcntl.fcntl, 0, fcntl.F_SETOWN, parent),
    "signals of a pipe, in other words": held(fcntl.fcntl, 0, 15, struct.pack("ii", 1, parent)),
    "signals of a socket": held(fcntl.ioctl, 0, 0x8901, struct.pack("i", parent)),
    "words typed for others": held(fcntl.ioctl, 0, 0x5412, b"x"),
    "sockets": held(socket.socket), "pair": not held(socket.socketpair),
    "own limits": bool(resource.prlimit(0, resource.RLIMIT_NOFILE)), "child": os.waitpid(child, 0)[1] >> 8,
}))
"""


def test_where_landlock_keeps_no_signals_inside_none_can_be_sent() -> None:
    argv = [sys.executable, "-c", TRIED, str(ROOT / "LICENSE")]
    ended = subprocess.run(argv, cwd=ROOT, stdin=subprocess.PIPE, capture_output=True, text=True, check=True)
    told = json.loads(ended.stdout)
    assert told.pop("child") == 7
    assert told == dict.fromkeys(told, True)


@pytest.mark.parametrize("machine", list(seccomp.MACHINES))
@pytest.mark.parametrize("sockets", list(seccomp.FAMILIES))
def test_the_filter_is_whole_for_every_machine(machine: str, sockets: str) -> None:
    """Every jump stays inside, and no number is refused twice."""
    code = seccomp.program(machine, EVERYTHING, sockets)
    lines = list(struct.iter_unpack("@HBBI", code))
    assert len(lines) < 4096  # the kernel's own bound
    for place, (kind, then, otherwise, _) in enumerate(lines):
        is_jump = kind in (seccomp.EQUAL, seccomp.AT_LEAST, seccomp.ANY_BIT)
        assert not is_jump or place + 1 + max(then, otherwise) < len(lines)
    column = seccomp.MACHINES[machine][0]
    numbers = [call[column] for call in EVERYTHING.values() if call[column] >= 0]
    assert len(numbers) == len(set(numbers))
    assert lines[-1][3] == seccomp.ALLOW


def test_a_machine_whose_calls_are_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "MACHINES", {})
    with pytest.raises(OSError, match=f"system calls of {os.uname().machine} are not known"):
        seccomp.install(EVERYTHING, "none")
