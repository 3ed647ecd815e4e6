"""What a worker does at this moment: the Python stack of each of its processes, asked for by a signal.

Every worker of the contract listens (`engine.workers.contract`): SIGUSR1 has Python's faulthandler write the stack of
every thread to `stacks/PID.txt` in the worker's folder, also while it computes or waits in C. A process without such a
file is never signalled: the signal would end it. One that waits in the kernel (a disk, a driver) cannot answer.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.process import logs, process, stack_files

MOST_BYTES = 64 << 10  # that are read of one process
MOST_THREADS = 12  # that are told of one process
CLOCK_SECONDS = 1  # the start of a process is known to a hundredth of a second, from the start of the machine
STATES = {
    psutil.STATUS_DISK_SLEEP: "It waits for the disk, the network or a driver, and cannot be asked.",
    psutil.STATUS_STOPPED: "It is stopped (SIGSTOP), and cannot answer before it goes on.",
    psutil.STATUS_ZOMBIE: "It has ended.",
}


@dataclass(frozen=True)
class Stack:
    """One process: its stack as faulthandler writes it, the thread that runs first; or why there is none."""

    pid: int
    text: str
    state: str
    left_out: int  # threads


def ask(folder: Path) -> int:
    """Signals every process in the folder that listens, and says how many there are. Earlier answers are forgotten."""
    here = _below(folder)
    asked = 0
    for file in stack_files.files(folder):
        member = here.get(stack_files.pid_of(file))
        with contextlib.suppress(OSError, psutil.Error):
            if member is None or member.create_time() > file.stat().st_mtime + CLOCK_SECONDS:
                file.unlink()  # of an earlier process, whose id another one may have now
                continue
            os.truncate(file, 0)  # the worker adds at the end
            os.kill(member.pid, stack_files.SIGNAL)
            asked += 1
    return asked


def read(folder: Path) -> list[Stack]:
    """What was answered to the last question, by process id. Secrets are hidden."""
    here = _below(folder)
    stacks = []
    for file in stack_files.files(folder):
        with contextlib.suppress(OSError), file.open("rb") as answer:
            text = answer.read(MOST_BYTES).decode(errors="replace")
            threads, left_out = _threads(logs.redact(process.readable(text)))
            pid = stack_files.pid_of(file)
            stacks.append(Stack(pid, threads, _state(here.get(pid)), left_out))
    return [stack for stack in stacks if stack.text or stack.state]  # what nobody asked has nothing to say


def _threads(text: str) -> tuple[str, int]:
    """The threads, the one that answered first, and how many are not among them."""
    threads = [thread.strip("\n") for thread in text.split("\n\n") if thread.strip()]
    threads.sort(key=lambda thread: not thread.startswith("Current thread"))
    return "\n\n".join(threads[:MOST_THREADS]), len(threads[MOST_THREADS:])


def _below(folder: Path) -> dict[int, psutil.Process]:
    """The living processes below the folder's shim, by id: no other process is ever signalled."""
    shim = process.shim_pid(folder)
    if shim is None:
        return {}
    try:
        return {member.pid: member for member in psutil.Process(shim).children(recursive=True)}
    except psutil.Error:
        return {}


def _state(member: psutil.Process | None) -> str:
    if member is None:
        return STATES[psutil.STATUS_ZOMBIE]
    try:
        return STATES.get(member.status(), "")
    except psutil.Error:
        return STATES[psutil.STATUS_ZOMBIE]
