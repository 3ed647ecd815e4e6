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
_PACKED = (".gz", ".zst")


def configs(card: Mapping[str, Any], files: Sequence[str], revision: str = "main") -> dict[str, Splits]:
    """{configuration: {split: [paths]}}. Configurations and splits without a readable file are left out."""
    readable = sorted(path for path in files if not _is_aside(path) and _reader(path))
    found = _converted(readable) if revision == PARQUET_BRANCH else _of_card(card, readable)
    found = {
        name: {split: _of_one_type(paths) for split, paths in splits.items() if paths} for name, splits in found.items()
    }
    return {name: splits for name, splits in found.items() if splits}


def default_of(card: Mapping[str, Any], found: Mapping[str, Splits]) -> str | None:
    """The configuration that is meant when none is named; None when one has to be named."""
    flagged = [str(one["config_name"]) for one in _entries(card) if one.get("default")]
    likely = [name for name in (*flagged, "default") if name in found]
    return likely[0] if likely else next(iter(found)) if len(found) == 1 else None


def has_script(files: Iterable[str]) -> bool:
    return any("/" not in path and path.endswith(".py") for path in files)


def _of_one_type(paths: Iterable[str]) -> list[str]:
    """The files of the commonest type; text and Markdown count only when there is nothing else."""
    typed = [(path, _reader(path)) for path in paths]
    kinds = Counter(reader for _, reader in typed if reader != choose.TEXT.name)
    wanted = kinds.most_common(1)[0][0] if kinds else choose.TEXT.name
    return [path for path, reader in typed if reader == wanted]


def _is_aside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith((".", "__")) for part in parts)
    return hidden or parts[-1] in NO_DATA or ABOUT.fullmatch(parts[-1]) is not None


def _reader(path: str) -> str | None:
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    suffix = PurePosixPath(name).suffix
    return next((reader.name for reader in choose.READERS if suffix in reader.suffixes), None)


def _converted(files: Iterable[str]) -> dict[str, Splits]:
    found: dict[str, Splits] = {}
    for path in files:
        parts = path.split("/")
        if len(parts) == 3:
            found.setdefault(parts[0], {}).setdefault(parts[1].removeprefix("partial-"), []).append(path)
    return found


def _of_card(card: Mapping[str, Any], files: list[str]) -> dict[str, Splits]:
    entries = _entries(card)
    if not entries:
        return {"default": _by_names(files)}
    return {str(entry["config_name"]): _of_entry(entry, files) for entry in entries}


def _entries(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = card.get("configs")
    return [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(one.get("config_name"), str)
    ]


def _of_entry(entry: Mapping[str, Any], files: list[str]) -> Splits:
    """The splits of one entry of the card: `data_files` says which, or `data_dir` says where to look."""
    folder = str(entry.get("data_dir") or "").strip("./")
    inside = [path for path in files if not folder or path.startswith(folder + "/")]
    written = entry.get("data_files")
    if not written:
        return _by_names(inside, folder)
    return {
        split: [path for path in inside if any(_matches(pattern, path, folder) for pattern in patterns)]
        for split, patterns in _patterns(written).items()
    }


def _patterns(written: Any) -> dict[str, list[str]]:
    """`data_files` in each way it may be written: text, a list of texts, {split: ...}, [{"split", "path"}, ...]."""
    if isinstance(written, Mapping):
        return {str(split): _texts(paths) for split, paths in written.items()}
    if isinstance(written, list) and all(isinstance(one, Mapping) for one in written):
        return {str(one.get("split", "train")): _texts(one.get("path")) for one in written}
    return {"train": _texts(written)}


def _texts(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _matches(pattern: str, path: str, folder: str) -> bool:
    """Glob: `*` stays inside a folder, `**` does not. A pattern may count from the root or from `data_dir`."""
    wanted = [part for part in pattern.split("/") if part not in ("", ".")]
    return _fits(wanted, path.split("/")) or (bool(folder) and _fits(wanted, path[len(folder) + 1 :].split("/")))


def _fits(wanted: list[str], parts: list[str]) -> bool:
    """Follows all ways through the path at once, so that no card can make it take long."""
    reached = {0}
    for part in wanted:
        if part == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], part)}
    return len(parts) in reached


def _by_names(files: list[str], folder: str = "") -> Splits:
    """Shards named data/SPLIT-00000-of-00001; else a split's word in a folder's name, else in the file's; else all."""
    start = len(folder) + 1 if folder else 0
    sharded: Splits = {}
    for path in files:
        if shard := SHARD.fullmatch(path[start:]):
            sharded.setdefault(shard[1], []).append(path)
    if sharded:
        return sharded
    for part in (_folders, _file):
        found = {
            split: [path for path in files if _has(words, part(path[start:]))] for split, words in KEYWORDS.items()
        }
        if any(found.values()):
            return found
    return {"train": files}


def _folders(path: str) -> str:
    return path.rpartition("/")[0]


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _has(words: Iterable[str], text: str) -> bool:
    return any(re.search(rf"(?:^|[-._ 0-9/]){word}(?:[-._ 0-9/]|$)", text.lower()) for word in words)
