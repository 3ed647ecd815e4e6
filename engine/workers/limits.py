"""Limits for a stranger's chat template: time, memory, and a last word when it takes its process down.

Templates come with models from anywhere and run as code. An endless loop is ended from inside; arithmetic that never
comes back to Python is ended by the kernel, and `run` says why in the place of the process that is gone.
"""

import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract

# Of CPU, not of the clock: a busy machine makes no template hostile.
ROW_SECONDS = 2.0
KILL_SECONDS = 4.0
MANY_TURNS = 200  # take half a second: the chat is rendered up to each turn, so time grows with their square
AGAIN_SECONDS = 0.2  # a template may sit in code that swallows the first error
SPARE_BYTES = 2 << 30  # beyond what the process has already
SPARE_BYTES_A_CORE = 128 << 20  # address space of the tokenizer's threads
HINT = "Choose another model, or correct its chat template."
STATM = Path("/proc/self/statm")


class TemplateOverrunError(contract.WorkFailedError):
    """The chat template used more time or memory than any honest one needs."""

    def __init__(self, message: str) -> None:
        super().__init__("config", message, HINT)


def of_row(turns: int) -> tuple[float, float]:
    """The seconds after which a row of so many turns is an error, and after which its process is ended."""
    longer = 1 + (turns / MANY_TURNS) ** 2
    return round(ROW_SECONDS * longer, 1), round(KILL_SECONDS * longer, 1)


@contextmanager
def cpu_time(seconds: float, kill_seconds: float) -> Iterator[None]:
    """Raises TemplateOverrunError inside the block when it computes for too long; later, SIGPROF ends the process.

    Python only listens to signals in its main thread; in another one the block runs without a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def raise_overrun(_number: int, _frame: Any) -> None:
        if armed:
            raise TemplateOverrunError(f"The model's chat template ran for more than {seconds:g} s on one row.")

    previous_handler = signal.signal(signal.SIGVTALRM, raise_overrun)
    signal.setitimer(signal.ITIMER_PROF, kill_seconds)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        # One may be under way to a thread still: where nobody listened before, it is passed over and ends no process.
        signal.signal(signal.SIGVTALRM, signal.SIG_IGN if previous_handler is signal.SIG_DFL else previous_handler)


@contextmanager
def memory(spare_bytes: int | None = None) -> Iterator[None]:
    """Inside, this process gets little more address space than it has; what asks for more raises MemoryError."""
    if not STATM.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(STATM.read_text().split()[0]) * resource.getpagesize()
    spare = SPARE_BYTES if spare_bytes is None else spare_bytes
    limit = used + spare + SPARE_BYTES_A_CORE * (os.cpu_count() or 1)
    resource.setrlimit(resource.RLIMIT_AS, (limit if soft == resource.RLIM_INFINITY else min(limit, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def run(work: contract.Work, argv: list[str] | None = None) -> None:
    """As `contract.run`, but in a child: this process only stays to say why the child died, if it did.

    To be called before threads are started, so before numpy and pyarrow are imported.
    """
    arguments = sys.argv[1:] if argv is None else argv
    child = os.fork()
    if child == 0:
        contract.run(work, arguments)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        events.append(Path(arguments[1]), death(-code))
    if code:
        raise SystemExit(1)


def death(number: int) -> events.Failed:
    """Why a process that rendered rows was ended by a signal, as the event a person reads."""
    if number == signal.SIGPROF:
        message = "The model's chat template ran on one row without end, and was stopped."
        return events.Failed(category="config", message=message, hint=HINT)
    if number in (signal.SIGABRT, signal.SIGKILL):
        hint = f"The rows may be very long, or the model's chat template asks for too much. {HINT}"
        return events.Failed(category="memory", message="There was not enough memory for these rows.", hint=hint)
    return events.Failed(message=f"The process was ended by signal {number}.", hint="The log may say more.")
