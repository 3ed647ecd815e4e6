"""Which files of a hub repository are which configuration and split: by its card, else by the files' names.

The rules are those of the `datasets` library (docs/source/repository_structure and configs in the card), without
running anything: a repository that only has a script has no files here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from engine.rows.readers import choose

Splits = dict[str, list[str]]

PARQUET_BRANCH = "refs/convert/parquet"  # where the hub keeps datasets of scripts as CONFIG/SPLIT/0000.parquet
KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
NO_DATA = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "requirements.txt"}
ABOUT = re.compile(r"(readme|licen[sc]e|notice|changelog|contributing|citation)\b.*", re.IGNORECASE)
SHARD = re.compile(r"data/([\w.-]+?)-\d{5}-of-\d{5}\b.*")


def configs(card: Mapping[str, Any], files: Sequence[str], revision: str = "main") -> dict[str, Splits]:
    """{configuration: {split: [paths]}}. Configurations and splits without a readable file are left out."""
    readable = sorted(path for path in files if not is_aside(path) and _reader(path))
    splits_by_config = _converted(readable) if revision == PARQUET_BRANCH else _of_card(card, readable)
    splits_by_config = {
        name: {split: _of_one_type(paths) for split, paths in splits.items() if paths}
        for name, splits in splits_by_config.items()
    }
    return {name: splits for name, splits in splits_by_config.items() if splits}


def default_of(card: Mapping[str, Any], available: Mapping[str, Splits]) -> str | None:
    """The configuration that is meant when none is named; None when one has to be named."""
    flagged = [str(entry["config_name"]) for entry in _entries(card) if entry.get("default")]
    candidates = [name for name in (*flagged, "default") if name in available]
    return candidates[0] if candidates else next(iter(available)) if len(available) == 1 else None


def has_script(files: Iterable[str]) -> bool:
    return any("/" not in path and path.endswith(".py") for path in files)


def _of_one_type(paths: Iterable[str]) -> list[str]:
    """The files of the commonest type; text and Markdown count only when there is nothing else."""
    read_by = [(path, _reader(path)) for path in paths]
    counts = Counter(reader for _, reader in read_by if reader != choose.TEXT.name)
    commonest = counts.most_common(1)[0][0] if counts else choose.TEXT.name
    return [path for path, reader in read_by if reader == commonest]


def is_aside(path: str) -> bool:
    """Whether a file is about the data and holds none of it."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith((".", "__")) for part in parts)
    return hidden or parts[-1] in NO_DATA or ABOUT.fullmatch(parts[-1]) is not None


def _reader(path: str) -> str | None:
    suffix = PurePosixPath(choose.unpacked_name(path)).suffix
    return next((reader.name for reader in choose.READERS if suffix in reader.suffixes), None)


def _converted(files: Iterable[str]) -> dict[str, Splits]:
    splits_by_config: dict[str, Splits] = {}
    for path in files:
        parts = path.split("/")
        if len(parts) == 3:
            splits_by_config.setdefault(parts[0], {}).setdefault(parts[1].removeprefix("partial-"), []).append(path)
    return splits_by_config


def _of_card(card: Mapping[str, Any], files: list[str]) -> dict[str, Splits]:
    entries = _entries(card)
    if not entries:
        return {"default": by_names(files)}
    return {str(entry["config_name"]): _of_entry(entry, files) for entry in entries}


def _entries(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = card.get("configs")
    return [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("config_name"), str)
    ]


def _of_entry(entry: Mapping[str, Any], files: list[str]) -> Splits:
    """The splits of one entry of the card: `data_files` says which, or `data_dir` says where to look."""
    folder = str(entry.get("data_dir") or "").strip("./")
    inside = [path for path in files if not folder or path.startswith(folder + "/")]
    data_files = entry.get("data_files")
    if not data_files:
        return by_names(inside, folder)
    return {
        split: [path for path in inside if any(_matches(pattern, path, folder) for pattern in patterns)]
        for split, patterns in _patterns(data_files).items()
    }


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """`data_files` in each way it may be written: text, a list of texts, {split: ...}, [{"split", "path"}, ...]."""
    if isinstance(data_files, Mapping):
        return {str(split): _texts(paths) for split, paths in data_files.items()}
    if isinstance(data_files, list) and all(isinstance(item, Mapping) for item in data_files):
        return {str(item.get("split", "train")): _texts(item.get("path")) for item in data_files}
    return {"train": _texts(data_files)}


def _texts(value: Any) -> list[str]:
    return [str(text) for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _matches(pattern: str, path: str, folder: str) -> bool:
    """Glob: `*` stays inside a folder, `**` does not. A pattern may count from the root or from `data_dir`."""
    pattern_parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return _fits(pattern_parts, path.split("/")) or (
        bool(folder) and _fits(pattern_parts, path[len(folder) + 1 :].split("/"))
    )


def _fits(pattern_parts: list[str], path_parts: list[str]) -> bool:
    """Follows all ways through the path at once, so that no card can make it take long."""
    reached = {0}
    for part in pattern_parts:
        if part == "**":
            reached = set(range(min(reached, default=len(path_parts) + 1), len(path_parts) + 1))
        else:
            reached = {
                position + 1
                for position in reached
                if position < len(path_parts) and fnmatchcase(path_parts[position], part)
            }
    return len(path_parts) in reached


def by_names(files: list[str], folder: str = "") -> Splits:
    """Splits by the names alone: of shards data/SPLIT-00000-of-00001; else a split's word in a folder's name, else in
    the file's; else all."""
    start = len(folder) + 1 if folder else 0
    sharded: Splits = {}
    for path in files:
        if shard := SHARD.fullmatch(path[start:]):
            sharded.setdefault(shard[1], []).append(path)
    if sharded:
        return sharded
    for part_of in (_folders, _file):
        by_split = {
            split: [path for path in files if _has(words, part_of(path[start:]))] for split, words in KEYWORDS.items()
        }
        if any(by_split.values()):
            return by_split
    return {"train": files}


def _folders(path: str) -> str:
    return path.rpartition("/")[0]


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _has(words: Iterable[str], text: str) -> bool:
    return any(re.search(rf"(?:^|[-._ 0-9/]){word}(?:[-._ 0-9/]|$)", text.lower()) for word in words)
