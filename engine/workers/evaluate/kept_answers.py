"""What a model has answered, kept in the home, so that it is asked once: after a kill, a stop, and for the next run.

A file for each batch of questions, named by everything that decides the answers: the model's files, the texts, the
settings, the libraries. So what is found is what would be written, to the last token. The oldest go first when all of
them together take too much room.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

MOST_BYTES = 256 << 20
LIBRARIES = ("torch", "transformers", "peft", "tokenizers")
MOST_FILES = 10_000  # of a model's folder


def of_model(model_path: Path, adapter: Path | None, *settings: object) -> str:
    """A name for a model as it lies on the disk, with how it is computed."""
    files = [_files(folder) for folder in (model_path, adapter) if folder is not None]
    return _digest([files, [version(name) for name in LIBRARIES], [str(setting) for setting in settings]])


def _files(folder: Path) -> list[tuple[str, int, int]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())[:MOST_FILES]
    return [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class Kept:
    """The answers of one model. `hits` and `misses` count what was found and what was not."""

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self.hits = self.misses = 0

    def has(self, kind: str, asked: Sequence[Any]) -> bool:
        return self._file(kind, asked).is_file()

    def get(self, kind: str, asked: Sequence[Any], compute: Callable[[], list[Any]]) -> list[Any]:
        """One entry for each of `asked`: found, or computed and kept. `asked` is all that decides them, as JSON."""
        file = self._file(kind, asked)
        answers = _read(file)
        if answers is not None and len(answers) == len(asked):
            self.hits += len(answers)
            return answers
        computed = compute()
        self.misses += len(computed)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(computed, ensure_ascii=False), encoding="utf-8")
        partial.rename(file)
        return computed

    def _file(self, kind: str, asked: Sequence[Any]) -> Path:
        return self._folder / f"{_digest([self._model, kind, list(asked)])}.json"


def _read(file: Path) -> list[Any] | None:
    try:
        answers: list[Any] = json.loads(file.read_text(encoding="utf-8"))
        file.touch()  # used lately
    except (OSError, ValueError):
        return None
    return answers


def tidy(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Removes what was used longest ago while all of it takes too much room."""
    stats = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*")), reverse=True)
    room = most_bytes
    for _, size, path in stats:
        room -= size
        if room < 0:
            path.unlink(missing_ok=True)
