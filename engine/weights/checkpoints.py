"""Checkpoints that can be trusted: each carries a manifest of its files, written last.

    RUN/checkpoints/checkpoint-N/manifest.json    {"step": N, "files": {name: {"size": bytes, "sha256": hex}},
                                                   "metrics": {"loss": 1.2, "eval_loss": 1.3}}

A checkpoint without one was being written when its process died; one whose files differ from it was damaged later.
Neither is ever resumed from. Standard library only: workers and the studio both use it.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.process.shim import write_json

MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d+)")


def folder_of(run_folder: Path) -> Path:
    return run_folder / "checkpoints"


def write_manifest(folder: Path, step: int, metrics: Mapping[str, float] | None = None) -> None:
    """Vouches for every file in a finished checkpoint. Call it when nothing else will be written there.

    `metrics` is what was measured at that step, for those who compare checkpoints.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files.pop(MANIFEST, None)
    entries = {name: {"size": path.stat().st_size, "sha256": _sha256(path)} for name, path in files.items()}
    write_json(folder / MANIFEST, {"step": step, "files": entries, "metrics": dict(metrics or {})})


def metrics_at(folder: Path) -> dict[str, float]:
    """What was measured at that step, as far as it is a number."""
    metrics = _manifest(folder).get("metrics")
    numbers = metrics if isinstance(metrics, dict) else {}
    return {name: value for name, value in numbers.items() if isinstance(value, int | float)}


def matches_manifest(folder: Path) -> bool:
    """Whether every file is what the manifest says, to the last byte. Reads them all."""
    files = _manifest(folder).get("files", {})
    return is_complete(folder) and all(_sha256(folder / name) == entry["sha256"] for name, entry in files.items())


def is_complete(folder: Path) -> bool:
    """Whether there is a manifest and every file has the size it says: cheap enough for a page."""
    files = _manifest(folder).get("files", {})
    return bool(files) and all(_size(folder, name) == entry["size"] for name, entry in files.items())


def step_of(folder: Path) -> int:
    """The N of checkpoint-N; -1 for another name."""
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else -1


def in_order(run_folder: Path) -> list[Path]:
    """The run's checkpoints, good or bad, from the first step to the last."""
    try:
        folders = [path for path in folder_of(run_folder).iterdir() if path.is_dir() and not path.is_symlink()]
    except FileNotFoundError:
        return []
    return sorted((path for path in folders if step_of(path) >= 0), key=step_of)


def newest_whole(run_folder: Path) -> Path | None:
    """The latest checkpoint whose files have their sizes: what the studio proposes to resume from. Reads no file."""
    return next((path for path in reversed(in_order(run_folder)) if is_complete(path)), None)


def newest_step(run_folder: Path) -> int:
    """The step of `newest_whole`; -1 when there is none."""
    newest = newest_whole(run_folder)
    return step_of(newest) if newest else -1


def newest_good(run_folder: Path) -> Path | None:
    """The latest checkpoint that verifies."""
    return next((path for path in reversed(in_order(run_folder)) if matches_manifest(path)), None)


def put_aside_partial(run_folder: Path) -> None:
    """Moves every checkpoint that was never finished to RUN/quarantine/. Only while no worker writes one."""
    for path in in_order(run_folder):
        if not is_complete(path):
            _put_aside(path, run_folder)


def newest_good_up_to(run_folder: Path, step: int) -> Path | None:
    """The latest checkpoint of at most that step that verifies. Those on the way that do not go to RUN/quarantine/.

    For a worker that is about to resume: it reads every byte, which takes minutes with large checkpoints.
    """
    for path in reversed(in_order(run_folder)):
        if step_of(path) <= step:
            if matches_manifest(path):
                return path
            _put_aside(path, run_folder)
    return None


def _put_aside(path: Path, run_folder: Path) -> None:
    path.rename(_free_name(run_folder / "quarantine", path.name))


def _free_name(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True, mode=0o700)
    names = (folder / (f"{name}.{number}" if number else name) for number in range(10_000))
    return next(path for path in names if not path.exists())


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files = manifest.get("files") if isinstance(manifest, dict) else None
    sound = isinstance(files, dict) and all(_is_entry(name, entry) for name, entry in files.items())
    return manifest if sound else {}


def _is_entry(name: str, entry: Any) -> bool:
    inside = not os.path.isabs(name) and ".." not in Path(name).parts
    return inside and isinstance(entry, dict) and {"size", "sha256"} <= entry.keys()


def _size(folder: Path, name: str) -> int | None:
    path = folder / name
    return path.stat().st_size if path.is_file() and not path.is_symlink() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
