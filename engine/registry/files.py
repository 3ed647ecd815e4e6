"""The files of a version, each with its size and sha256, and what has changed in them since. Pure but for the disk."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.weights import checkpoints

CHUNK_BYTES = 1 << 20
BASE = "base/"  # before the names of the files of the model that an adapter works with
MOST_FILES = 10_000
STAYS = ("trainer_state.json", checkpoints.MANIFEST)  # of a training, not of its result

Folders = Mapping[str, Path]  # what stands before the names of its files -> folder
Hashes = dict[str, dict[str, Any]]  # name -> {"size": bytes, "sha256": hex}


def of(folders: Folders) -> Iterator[tuple[str, Path]]:
    """Every file with its name, folder by folder. What begins with a dot belongs to other programs."""
    for prefix, folder in folders.items():
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in STAYS)
        for path in paths[:MOST_FILES]:
            name = path.relative_to(folder)
            if not any(part.startswith(".") for part in name.parts):
                yield prefix + name.as_posix(), path


def size_of(folders: Folders) -> int:
    """Bytes of all of them."""
    return sum(path.stat().st_size for _, path in of(folders))


def hashed(folders: Folders, say: Callable[[int], None] = lambda _done: None) -> Hashes:
    """Reads every byte, a megabyte at a time; `say` is told how many were read. Raises OSError."""
    entries: Hashes = {}
    done = 0
    for name, path in of(folders):
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                say(done + size)
        done += size
        entries[name] = {"size": size, "sha256": digest.hexdigest()}
    return entries


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, a sentence for each file; empty when every byte is as it was."""
    gone = [f"{name} is gone." for name in before if name not in now]
    other = [_difference(name, before[name], entry) for name, entry in now.items() if name in before]
    new = [f"{name} was not there." for name in now if name not in before]
    return [*gone, *filter(None, other), *new]


def _difference(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if before["sha256"] == now["sha256"]:
        return ""
    if before["size"] != now["size"]:
        return f"{name} has {now['size']:,} bytes; it had {before['size']:,}."
    return f"{name} holds other bytes than before."
