"""Where a worker writes its stack when it is asked what it does, and by which signal. Light: workers import it."""

import signal
from pathlib import Path

FOLDER = "stacks"
SIGNAL = signal.SIGUSR1


def file_of(folder: Path, pid: int) -> Path:
    """The file of one process. While it is there, the process listens, and the signal does not end it."""
    return folder / FOLDER / f"{pid}.txt"


def files(folder: Path) -> list[Path]:
    """Those of every process that has begun to work in the folder, by process id."""
    paths = [file for file in (folder / FOLDER).glob("*.txt") if file.stem.isdigit() and not file.is_symlink()]
    return sorted(paths, key=pid_of)


def pid_of(file: Path) -> int:
    return int(file.stem)
