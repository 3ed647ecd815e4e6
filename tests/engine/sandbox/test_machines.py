"""The numbers of system calls by machine: against the kernel's own headers, and what the filters do with each of them.

ARM is not run here; its filter is a program like the other, and is followed instruction by instruction.
"""

import errno
import re
import socket
import struct
import sys
from pathlib import Path

import pytest

from engine.sandbox.inside import seccomp
from engine.workers.sandbox import child

if sys.platform != "linux":
    pytest.skip("code is run on Linux only", allow_module_level=True)
HEADERS = {
    "x86_64": [*Path("/usr/include").glob("*/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
EVERYTHING = seccomp.REFUSED | seccomp.METADATA | seccomp.SIGNALS
ASKED_FOR = {name: call for name, (call, _) in seccomp.ASKING.items()}
ASKED_FOR |= {"prctl": seccomp.PRCTL, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3, "socket": seccomp.SOCKET}
SAME_FROM = 424  # a call that is this new has one number on every machine
REFUSED, ABSENT = seccomp.ERRNO | errno.EPERM, seccomp.ERRNO | errno.ENOSYS
ONE_MORE = {"poll": "ppoll"}  # ARM has no poll: the C library takes this


def numbers(machine: str) -> dict[str, int]:
    """Of a machine's calls, as this system's kernel headers say; empty where they are not installed."""
    there = next((path for path in HEADERS[machine] if path.is_file()), None)
    text = there.read_text() if there else ""
    return {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}


def follow(code: bytes, machine: int, number: int, argument: int = 0, second: int = 0) -> int:
    """What a filter answers to a call, as the kernel runs it: its action."""
    lines = list(struct.iter_unpack("@HBBI", code))
    data = {seccomp.NUMBER: number, seccomp.MACHINE: machine, seccomp.FIRST_ARGUMENT: argument}
    data[seccomp.SECOND_ARGUMENT] = second
    loaded = place = 0
    while True:
        kind, then, otherwise, value = lines[place]
        if kind == seccomp.RETURN:
            return int(value)
        if kind == seccomp.LOAD:
            loaded, step = data[value], 0
        else:
            tests = {seccomp.EQUAL: loaded == value, seccomp.AT_LEAST: loaded >= value}
            step = then if tests.get(kind, bool(loaded & value)) else otherwise
        place += 1 + step


@pytest.mark.parametrize("machine", list(seccomp.MACHINES))
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    column, known = seccomp.MACHINES[machine][0], numbers(machine)
    for name, both in (EVERYTHING | seccomp.ONLY_ITSELF | ASKED_FOR).items():
        if max(both) >= SAME_FROM:
            assert both[0] == both[1], name
        if known and (name in known or max(both) < SAME_FROM):  # what is newer than the headers is not in them
            assert known.get(name, -1) == both[column], name


@pytest.mark.parametrize("machine", list(child.ALLOWED))
def test_what_a_reward_may_call_is_what_its_comment_names(machine: str) -> None:
    text = Path(child.__file__).read_text()
    named = re.findall(r"\w+", text.split("# Names: ")[1].split(". From the kernel's")[0].replace("\n#", " "))
    known = numbers(machine)
    if not known:
        pytest.skip("the kernel's headers are not installed here")
    assert {known[name if name in known else ONE_MORE[name]] for name in named} == set(child.ALLOWED[machine][1])


@pytest.mark.parametrize("machine", list(seccomp.MACHINES))
def test_the_filter_of_each_machine_refuses_and_lets_through(machine: str) -> None:
    column, architecture = seccomp.MACHINES[machine]
    code = seccomp.program(machine, EVERYTHING, "internet")
    for name, call in EVERYTHING.items():
        assert call[column] < 0 or follow(code, architecture, call[column]) == REFUSED, name
    clone, new_user = seccomp.CLONE[column], 0x10000000
    assert follow(code, architecture, clone, new_user) == REFUSED
    assert follow(code, architecture, clone, 0x11) == seccomp.ALLOW  # SIGCHLD: fork
    assert follow(code, architecture, seccomp.CLONE3[column]) == ABSENT
    assert follow(code, architecture, seccomp.SOCKET[column], socket.AF_INET) == seccomp.ALLOW
    assert follow(code, architecture, seccomp.SOCKET[column], socket.AF_UNIX) == REFUSED
    assert follow(code, architecture, seccomp.PRCTL[column], seccomp.DUMPABLE) == REFUSED
    assert follow(code, architecture, seccomp.ONLY_ITSELF["prlimit64"][column], 0) == seccomp.ALLOW
    assert follow(code, architecture, seccomp.ONLY_ITSELF["prlimit64"][column], 1) == REFUSED
    for call, asked in seccomp.ASKING.values():
        assert {follow(code, architecture, call[column], 3, value) for value in asked} == {REFUSED}
        assert follow(code, architecture, call[column], 3, 1) == seccomp.ALLOW  # F_GETFD
    assert follow(code, architecture, {"x86_64": 0, "aarch64": 63}[machine]) == seccomp.ALLOW  # read
    others = [other for _, other in seccomp.MACHINES.values() if other != architecture]
    assert [follow(code, other, 0) for other in others] == [seccomp.KILL]


@pytest.mark.parametrize("machine", list(child.ALLOWED))
def test_around_a_reward_only_its_own_calls_come_through(machine: str) -> None:
    architecture, calls = child.ALLOWED[machine]
    code = child.seccomp_filter(architecture, calls)
    allowed = {number for number in range(600) if follow(code, architecture, number) == child.ALLOW}
    assert allowed == set(calls)
    assert follow(code, architecture, 599) == child.REFUSE
    assert follow(code, architecture + 1, calls[0]) == child.KILL
