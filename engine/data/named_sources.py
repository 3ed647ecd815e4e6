"""What a person names or pastes becomes files to import: a file, all files of a folder, or a text."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

import orjson

from engine.data import incoming_files
from engine.errors import NotFoundError, RefusedError
from engine.rows.readers import choose
from storage import home

MOST_PASTED_BYTES = 20 << 20
_CELL = r"[^,;|\t]{1,60}"
_HEADER = re.compile(rf"{_CELL}([,;|\t])({_CELL}\1)*{_CELL}")

Named = tuple[Path, str]
"""A file, and its own name."""


def endings() -> tuple[str, ...]:
    """The endings of files that can be read, the packed ones after them."""
    return (*(suffix for reader in choose.READERS for suffix in reader.suffixes), *choose.PACKED)


def files_at(text: str) -> list[Named]:
    """The file at an absolute path, or the files of the folder there that can be read, in the order of their names.

    A link at the path itself is followed. Raises NotFoundError and RefusedError.
    """
    path = Path(text.strip()).expanduser()
    if not path.is_absolute():
        raise RefusedError(
            f"{text[:200]} is not an absolute path.", "Write it from the root, such as /data/rows.jsonl."
        )
    try:
        path = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFoundError(f"There is no file or folder `{text[:200]}`.", "Check the path.") from error
    if not path.is_dir():
        return [(path, path.name)]
    if home.contains(path):
        raise RefusedError("That folder belongs to the studio itself.", "Choose a folder outside the studio's home.")
    return incoming_files.files_in(path)


def pasted(text: str, only_to_look: bool = False) -> Named:
    """A text from the clipboard as a file among the uploads, with a name that says what it holds.

    `only_to_look`: the same text is the same file, however often somebody looks at it.
    """
    if not text.strip():
        raise RefusedError("There is nothing to import.", "Paste rows as JSON, JSON Lines, CSV, or text.")
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MOST_PASTED_BYTES:
        raise RefusedError("That is too much to paste.", f"Above {MOST_PASTED_BYTES >> 20} MB, upload it as a file.")
    name = hashlib.sha256(data).hexdigest()[:32] if only_to_look else token_hex(16)
    path = home.ensure_folder(home.uploads()) / name
    if not (only_to_look and path.exists()):
        path.write_bytes(data)
    return path, f"pasted{ending_of(text)}"


def ending_of(text: str) -> str:
    """.json, .jsonl, .csv or .txt, by looking at the text."""
    lines = text.strip().split("\n", 3)[:3]
    if lines[0].lstrip().startswith(("{", "[")):
        return ".jsonl" if _is_json(lines[0]) and len(lines) > 1 and lines[0].lstrip()[0] == "{" else ".json"
    return ".csv" if _is_table(lines) else ".txt"


def _is_json(line: str) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_table(lines: Sequence[str]) -> bool:
    """A header of short names, and as many delimiters in the lines below it."""
    header = _HEADER.fullmatch(lines[0].strip()) if len(lines[0]) < 2_000 else None
    return header is not None and len(lines) > 1 and all(line.count(header[1]) for line in lines[1:])
