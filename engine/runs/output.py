"""What the worker of a run printed: the log in its folder, as `engine.process.output` reads any log."""

from collections.abc import Iterator
from pathlib import Path

from engine.process import attempts, logs
from engine.process import output as printed
from engine.process.output import FILE as FILE
from engine.process.output import Found as Found
from engine.process.output import Level as Level
from engine.process.output import Line as Line
from engine.process.output import level_of as level_of
from engine.runs import runs
from storage import home


def path_of(run_id: str) -> Path:
    """The file. Raises NotFoundError where there is no such run; the file itself may be missing."""
    runs.look_up(run_id)
    return home.run_folder(run_id) / FILE


def text(run_id: str, offset: int = 0, most_bytes: int = 65536) -> tuple[str, int]:
    """What was printed after byte `offset`, and where to go on. Raises NotFoundError."""
    return printed.text(path_of(run_id), offset, most_bytes)


def search(run_id: str, words: str = "", level: Level | None = None, after: int = 0, limit: int = 200) -> Found:
    """Lines that hold some words and have a level. Raises NotFoundError."""
    return printed.search(path_of(run_id), words, level, after, limit)


def whole(run_id: str) -> Iterator[bytes]:
    """All that is left of the log, for a download. Raises NotFoundError."""
    return printed.whole(path_of(run_id))


def last_words(run_id: str, lines: int = 12) -> str:
    """The end of what was printed."""
    return logs.redact(attempts.last_words(home.run_folder(run_id), lines))
