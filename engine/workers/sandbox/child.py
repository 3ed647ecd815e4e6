"""Runs a person's own reward function on answers, in a sandbox: put there by engine.workers.rewards.code.

A program by itself: it imports the standard library alone. Input: a JSON object a line, one for each batch. A batch is
judged by a process of its own, forked here: nothing is left over from one to the next, and it starts in a millisecond.
Output, in frames: b"D 12\\n" and 12 bytes of what that process wrote, a line for each answer ([worth], or {"error":
...}), in order; then b"E 0\\n" with its exit code, negative for a signal.

The sandbox (engine.sandbox) holds all of it back: files, network, processes, memory, time. Around the function one
layer more is put on, as a reward only computes: seccomp lets through the system calls that computing takes (ALLOWED)
and no other. No file is opened, read or changed, no connection made, no process or thread started, no signal sent.
Modules that the function may use are imported before, because afterwards no file can be opened.
"""

import ctypes
import inspect
import json
import math
import os
import resource
import struct
import sys
import traceback
from typing import Any, NoReturn, TextIO

MODULES = """
    _strptime ast base64 bisect calendar cmath collections copy dataclasses datetime decimal difflib encodings.ascii
    encodings.idna encodings.latin_1 encodings.punycode encodings.unicode_escape enum fractions functools hashlib heapq
    html html.parser itertools json math numbers operator random re statistics string textwrap time typing unicodedata
    urllib.parse xml.etree.ElementTree zlib
""".split()  # noqa: SIM905  (a list would be forty lines)
OWN = "reward_code"  # the file name that tracebacks show
MOST_WORDS = 500
PIECE_BYTES = 1 << 16
NOT_SHUT_IN = 98

# Names: read write close fstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn sched_yield
# mremap madvise nanosleep getpid exit gettimeofday times getrusage sigaltstack futex clock_gettime clock_getres
# clock_nanosleep exit_group getrandom. From the kernel's asm/unistd_64.h and asm-generic/unistd.h.
_X86_64 = [0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28, 35, 39, 60]
_X86_64 += [96, 98, 100, 131, 202, 228, 229, 230, 231, 318]
_AARCH64 = [63, 64, 57, 80, 73, 62, 222, 226, 215, 214, 134, 135, 139, 124, 216, 233, 101, 172, 93]
_AARCH64 += [169, 153, 165, 132, 98, 113, 114, 115, 94, 278]
ALLOWED = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}  # the kernel's number of the machine
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # SECCOMP_RET_ALLOW, _ERRNO with EPERM, _KILL_PROCESS
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2


def main() -> None:
    """Judges batch after batch, until there are no more."""
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    for name in MODULES:
        __import__(name)
    sys.setrecursionlimit(2000)
    for line in sys.stdin.buffer:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            output.close()
            os.close(reader)
            os.dup2(devnull, 0)  # the next batches are no business of this one
            _judge_alone(json.loads(line), writer)
        os.close(writer)
        while piece := os.read(reader, PIECE_BYTES):
            output.write(b"D %d\n" % len(piece) + piece)
        os.close(reader)
        output.write(b"E %d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _judge_alone(task: dict[str, Any], writer: int) -> NoReturn:
    """What the process of one batch does."""
    with os.fdopen(writer, "w", encoding="ascii") as answers:
        limit(task["memory_bytes"], task["cpu_seconds"])
        if not shut_in():
            os._exit(NOT_SHUT_IN)
        write(answers, {"shut_in": True})
        judge(task, answers)
    os._exit(0)


def limit(memory_bytes: int, seconds: int) -> None:
    """What is over these limits fails inside (memory, files, processes), or ends the process (time)."""
    limits = {"RLIMIT_AS": memory_bytes, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0, "RLIMIT_CPU": seconds}
    for name, value in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (value, value))


def shut_in() -> bool:
    """From here on only computing is allowed. False where the kernel cannot: then nothing is judged."""
    architecture = ALLOWED.get(os.uname().machine)
    if architecture is None:
        return False
    program = seccomp_filter(*architecture)
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def seccomp_filter(machine: int, calls: list[int]) -> bytes:
    """A BPF program that allows those system calls, refuses every other, and ends what pretends another machine.

    Each instruction is (code u16, jump-if u8, jump-else u8, value u32); struct seccomp_data has the number of the call
    at byte 0 and the machine at byte 4.
    """
    instructions = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, machine), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for remaining, call in zip(range(len(calls), 0, -1), calls, strict=True):
        instructions.append((EQUAL, remaining, 0, call))
    instructions += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("@HBBI", *instruction) for instruction in instructions)


def judge(task: dict[str, Any], output: TextIO) -> None:
    """A line for each answer: [number or null], or the one error after which nothing follows."""
    scope: dict[str, Any] = {"__name__": OWN}
    number = 0
    try:
        exec(compile(task["code"], OWN, "exec"), scope)  # noqa: S102  (which is why this process exists)
        reward = scope["reward"]
        for number, row in enumerate(task["rows"], 1):  # noqa: B007  (read below)
            write(output, [worth(reward(**fitting(reward, row)))])
    except BaseException as error:  # noqa: BLE001  (also SystemExit: all of it is the function's doing)
        write(output, {"error": words(error), "line": line(error), "row": number})


def fitting(reward: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The columns that the function has a name for; all of them when it takes any."""
    parameters = inspect.signature(reward).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return row
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in row.items() if name in names}


def worth(value: Any) -> float | None:
    """What the answer is worth; None when it does not count. Raises TypeError, ValueError for what is no number."""
    if value is None:
        return None
    if not isinstance(value, bool | int | float):
        raise TypeError(f"reward returned {type(value).__name__}, not a number")
    number = float(value)
    if math.isinf(number):
        raise ValueError("reward returned infinity")
    return None if math.isnan(number) else number


def words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")[:MOST_WORDS]
    except Exception:  # noqa: BLE001  (an error of the function's own making may not even have words)
        return type(error).__name__[:MOST_WORDS]


def line(error: BaseException) -> int | None:
    """The line of the function's own text where it went wrong."""
    if isinstance(error, SyntaxError):
        return error.lineno
    own_lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == OWN]
    return own_lines[-1] if own_lines else None


def write(output: TextIO, message: Any) -> None:
    output.write(json.dumps(message) + "\n")
    output.flush()


if __name__ == "__main__":
    main()
