"""A worker tells what it does when it is asked: see engine.process.stacks."""

import contextlib
import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from engine.process import stack_files

_open: list[TextIO] = []  # faulthandler writes to it for the life of this process


@contextlib.contextmanager
def told_when_asked(out: Path) -> Iterator[None]:
    """While it works, the signal has the stack of every thread written to OUT/stacks/PID.txt, whatever it does then.

    Afterwards only the file is gone: a signal that comes late must not end the process. A disk that takes no file is
    no reason not to work: then nobody can ask.
    """
    file = stack_files.file_of(out, os.getpid())
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True, mode=0o700)
        draft = file.with_suffix(".draft")
        answer = draft.open("a", encoding="utf-8")
        faulthandler.register(stack_files.SIGNAL, file=answer, all_threads=True, chain=False)
        _open[:] = [answer]
        draft.replace(file)  # nobody signals before
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if not file.stat().st_size:  # what was told stays to be read
                file.unlink()
                file.parent.rmdir()
