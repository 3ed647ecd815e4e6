"""What an export makes: written aside, whole on the disk, then put in its place by one rename."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.process.work import SCRATCH


@contextmanager
def aside(out: Path, name: str) -> Iterator[Path]:
    """A new folder to fill, which is OUT/`name` when the block has ended well; otherwise nothing of it is left.

    What lies beside it in the same scratch folder goes too. After a kill the next attempt begins anew, and the studio
    removes the scratch folder of work that is over.
    """
    scratch = out / SCRATCH
    for leftover in (scratch, out / name):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = scratch / name
    folder.mkdir(parents=True)
    try:
        yield folder
        _settle(folder)
        folder.rename(out / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _settle(folder: Path) -> None:
    """Has everything on the disk: a rename may survive a power cut that its files do not."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
