"""Starts the processes of one training: `python -m engine.workers.train.launch [OPTIONS] -m WORKER SPEC OUT`.

This is torchrun (`torch.distributed.run`): when one process ends badly, it ends the others. The one difference is how
it ends itself: as the process that failed first did, so that a kill looks like a kill and not like exit code 1.
"""

import os
import signal
import sys
from collections.abc import Iterable

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from engine.workers import ranks

SIGNALLED = 128  # a program that a signal N ended may report 128 + N


def main(argv: list[str]) -> None:
    """Runs until all processes have ended; raises SystemExit with what became of them, or dies of their signal."""
    os.environ[ranks.LAUNCHER] = str(os.getpid())
    try:
        run.main(argv)
    except ChildFailedError as error:
        _end(cause(failure.exitcode for failure in error.failures.values()))
    except SignalException as error:
        _end(SIGNALLED + error.sigval)


def cause(codes: Iterable[int]) -> int:
    """The exit code that tells most: a signal, then a code of its own, then 1.

    A process that merely lost another one ends with 1, and one the launcher ended itself by SIGTERM.
    """
    failures = [code for code in codes if code != 0]
    signalled = [code for code in failures if code < 0 and code != -signal.SIGTERM]
    specific = [code for code in failures if code > 1]
    return (signalled or specific or failures or [1])[0]


def _end(code: int) -> None:
    sys.stdout.flush()
    if code == -signal.SIGKILL:
        os.kill(os.getpid(), signal.SIGKILL)  # who waits for this process may ask whether the memory ran out
    raise SystemExit(code if code > 0 else SIGNALLED - code)


if __name__ == "__main__":
    main(sys.argv[1:])
