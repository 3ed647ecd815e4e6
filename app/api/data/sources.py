"""Checks on files that a caller names: what may be read, and how a file's name becomes a dataset's."""

import os
import re
import stat
import unicodedata
from pathlib import Path

from engine import names
from engine.data import incoming_files
from engine.errors import NotFoundError, RefusedError
from storage import home

_SYSTEM = tuple(Path(name) for name in ("/proc", "/sys", "/dev", "/run"))


def local_file(text: str) -> Path:
    """A regular file on this machine, outside the studio's own folder. Links are followed first, then checked."""
    path = Path(text)
    if not path.is_absolute():
        raise RefusedError(f"`{text:.200}` is not an absolute path.", "Begin with /, from the studio's machine.")
    try:
        path = path.resolve(strict=True)
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFoundError(f"There is no file `{text:.200}`.", "The path is on the studio's machine.") from error
    if not regular or any(path.is_relative_to(folder) for folder in _SYSTEM):
        raise RefusedError(f"`{text:.200}` is not a plain file.", "Name a CSV, JSON, JSONL or Parquet file.")
    if home.contains(path):
        raise RefusedError(f"`{text:.200}` is inside the studio's own folder.", "Import a file from elsewhere.")
    return path


def local_files(text: str) -> list[tuple[Path, str]]:
    """The file at a path, or those of the folder there that can be read, each with its own name."""
    path = Path(text)
    if not path.is_absolute() or not os.path.isdir(text):  # never raises, unlike Path.is_dir
        file = local_file(text)
        return [(file, file.name)]
    path = path.resolve()
    if path == Path("/") or any(path.is_relative_to(folder) for folder in _SYSTEM) or home.contains(path):
        raise RefusedError(f"`{text:.200}` is not a folder of data.", "Import a folder from elsewhere.")
    return incoming_files.files_in(path)


def plain_name(file_name: str) -> str:
    """The last part of a client's file name, without anything that is not printed."""
    last = re.split(r"[\\/]", names.composed(file_name))[-1]
    return "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")[:200].strip()


def name_of(file_name: str) -> str:
    """A name for a dataset, from its file's."""
    return Path(plain_name(file_name)).stem[:120].strip(" .") or "dataset"
