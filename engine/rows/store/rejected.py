"""The file of the rows that were not taken, a JSON object a line, and an index beside it so that every page is near.

A line: {"row", "file" (when there are several), "rule", "value", "fix"}. The index holds the place of every 256th line.
"""

import os
from array import array
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

EVERY = 256
INDEX = ".index"


class Writer:
    """Writes the file and, when it is closed, its index."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._places = array("Q")
        self._at = self._count = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rejections: Iterable[tuple[int, bytes]], before: int, file: str | None = None) -> None:
        """Rows as `judged` tells them; `before` is the number of rows in front of them, `file` where they are."""
        file_field = b"" if file is None else b'"file":' + orjson.dumps(file) + b","
        for number, reason in rejections:
            line = b'{"row":%d,%b%b\n' % (number + before, file_field, reason)
            if self._count % EVERY == 0:
                self._places.append(self._at)
            self._file.write(line)
            self._at += len(line)
            self._count += 1

    def close(self) -> None:
        """Brings both files to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        index_of(self.path).write_bytes(self._places.tobytes())


def index_of(path: Path) -> Path:
    return path.with_name(path.name + INDEX)


def page(path: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """`limit` lines from `offset` on."""
    position, lines_before = _near(index_of(path), offset)
    with path.open("rb") as file:
        file.seek(position)
        return [orjson.loads(line) for line in islice(file, offset - lines_before, offset - lines_before + limit)]


def _near(index: Path, offset: int) -> tuple[int, int]:
    """(a place in the file, the lines before it), as near before line `offset` as is known."""
    try:
        with index.open("rb") as file:
            last_entry = file.seek(0, os.SEEK_END) // 8 - 1
            entry = min(offset // EVERY, last_entry)
            if entry < 0:
                return 0, 0
            file.seek(entry * 8)
            return array("Q", file.read(8))[0], entry * EVERY
    except FileNotFoundError:  # a dataset from before there was an index
        return 0, 0
