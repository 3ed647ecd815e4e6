"""What of a model's folder is given away: weights, configuration and tokenizer, with no path of this machine in them.

A checkpoint also holds the optimiser's state and more that only resuming needs; it stays.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.exports.archive import Entry
from engine.weights import checkpoints

ENDINGS = (".safetensors", ".gguf", ".json", ".jinja", ".txt", ".model")
STAYS = ("trainer_state.json", checkpoints.MANIFEST)
CARD, MODELFILE = "README.md", "Modelfile"
LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "NOTICE")
TEMPLATES = "additional_chat_templates"  # where transformers saves all but the first, when a tokenizer has several
PATH_FIELDS = "name_or_path"  # how fields end that tell where a model was loaded from
MOST_JSON_BYTES = 1 << 20  # a larger one is a vocabulary


def of_folder(folder: Path, base_name: str, card: str) -> list[Entry]:
    """The files to take away, the card first. Fields that hold a path name the base instead, by `base_name`."""
    text = card.encode()
    return [Entry(CARD, text, len(text)), *(_entry(path, folder, base_name) for path in files(folder))]


def licence(base: Path, there: Collection[str]) -> list[Entry]:
    """The licence that came with the base, as files; they hold for what is made from it too."""
    texts = [path for name in LICENCES if name not in there and (path := base / name).is_file()]
    return [Entry(path.name, path, path.stat().st_size) for path in texts]


def files(folder: Path) -> list[Path]:
    """The files of a model's folder that another program needs, in the order of their names."""
    paths = [*folder.iterdir(), *(folder / TEMPLATES).glob("*")]
    plain = [path for path in paths if path.is_file() and not path.is_symlink()]
    return sorted(
        path for path in plain if (path.suffix in ENDINGS or path.name == MODELFILE) and path.name not in STAYS
    )


def _entry(path: Path, folder: Path, base_name: str) -> Entry:
    name, size = path.relative_to(folder).as_posix(), path.stat().st_size
    if path.suffix != ".json" or size > MOST_JSON_BYTES:
        return Entry(name, path, size)
    text = path.read_text(encoding="utf-8")
    cleaned = without_paths(json.loads(text), base_name)
    if cleaned == json.loads(text):
        return Entry(name, path, size)
    content = json.dumps(cleaned, indent=2, ensure_ascii=False).encode()
    return Entry(name, content, len(content))


def without_paths(value: Any, base_name: str) -> Any:
    """The same JSON, where fields that say from which folder something was loaded name the base."""
    if isinstance(value, list):
        return [without_paths(inner, base_name) for inner in value]
    if not isinstance(value, dict):
        return value
    return {key: base_name if _is_path(key, inner) else without_paths(inner, base_name) for key, inner in value.items()}


def _is_path(key: str, value: Any) -> bool:
    return key.endswith(PATH_FIELDS) and isinstance(value, str) and Path(value).is_absolute()
