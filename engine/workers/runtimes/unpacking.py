"""Chosen files out of a tar archive, within their folder and bounded in size."""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from engine.workers.contract import WorkFailedError

LARGEST_BYTES = 200_000_000  # of all that is unpacked


def unpack(archive: Path, folder: Path, place: Callable[[str], str | None]) -> None:
    """Takes regular files out of a tar archive, each where `place` says; None leaves it. Raises WorkFailedError."""
    room = LARGEST_BYTES
    with tarfile.open(archive) as tar:
        for member in tar:
            path = place(member.name) if member.isfile() else None
            if path is None:
                continue
            room -= member.size
            target = folder / path
            if room < 0 or not Path(os.path.abspath(target)).is_relative_to(os.path.abspath(folder)):
                raise WorkFailedError("data", f"The archive {archive.name} has an odd file: {member.name[:200]}.")
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            source = tar.extractfile(member)
            with target.open("wb") as file:
                shutil.copyfileobj(source, file) if source else None
