"""The studio's own log, read: its last lines, and all of it for a download. Secrets were hidden when it was written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from engine.process import logs

Level = Literal["all", "warning", "error"]
MOST_LINES = 1000
READ_BYTES = 1 << 20  # of the end; a line is seldom longer than a kilobyte
PIECE_BYTES = 1 << 16
_AT_LEAST: dict[Level, tuple[str, ...]] = {
    "all": (),
    "warning": ("WARNING", "ERROR", "CRITICAL"),
    "error": ("ERROR", "CRITICAL"),
}


@dataclass(frozen=True)
class Line:
    """One thing that happened. `about` is the id of the run, model, dataset or backend it is about."""

    at: float  # seconds since 1970
    level: str
    logger: str
    message: str
    about: str = ""
    error: str = ""  # where it failed, as Python prints it


def last(lines: int = 100, level: Level = "all") -> list[Line]:
    """The newest lines of at least that level, the newest last. Empty while nothing was written."""
    kept = [line for text in _end() if (line := _parsed(text)) and (level == "all" or line.level in _AT_LEAST[level])]
    return kept[-min(lines, MOST_LINES) :]


def whole() -> Iterator[bytes]:
    """The log of this studio, oldest first, the rotated files too, piece by piece."""
    newest = logs.file()
    older = [newest.with_name(f"{newest.name}.{number}") for number in range(logs.FILES_KEPT, 0, -1)]
    for path in (*older, newest):
        if path.is_file():
            with path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece


def _end() -> list[str]:
    """The last lines as they are in the file; the first of them may be cut, and is left out then."""
    path = logs.file()
    if not path.is_file():
        return []
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - READ_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return lines[1:] if size > READ_BYTES else lines


def _parsed(text: str) -> Line | None:
    """None for a line that was torn by a kill."""
    try:
        entry: dict[str, Any] = json.loads(text)
        words = {name: str(entry.get(name) or "") for name in ("level", "logger", "message", "about", "error")}
        return Line(float(entry["at"]), **words)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
