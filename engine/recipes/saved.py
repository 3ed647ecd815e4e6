"""The recipes a person keeps: a YAML file each, in recipes/ under the home, as `tunesmith train` takes it.

The first line of a file says its name. A saved recipe is a preset of one's own: used again, it leaves the model and
the dataset that are chosen as they are.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.recipes import by_name
from engine.recipes import recipe as recipes
from engine.recipes.provenance import SUBJECTS
from engine.recipes.recipe import Recipe
from storage import home

MOST_CHARACTERS = 60
MOST_KEPT = 500
ABSENT = "none"  # stands for a model or dataset that is not chosen, while a recipe is checked
_NAME = re.compile(r"[\w(][\w .,()+-]*")
_PLAIN = re.compile(r"[0-9a-z][0-9a-z-]{0,59}")
_HEAD = "# "


@dataclass(frozen=True)
class Saved:
    """A kept recipe: `fields` are all of its fields."""

    name: str
    text: str
    fields: dict[str, Any]
    saved_at: float


def names() -> list[str]:
    """The names, in the order of the alphabet."""
    return sorted((_name_in(file) for file in home.recipes().glob("*.yaml")), key=str.casefold)


def look_up(name: str) -> Saved:
    """Raises NotFoundError; RefusedError when the file does not hold a recipe of this version of the studio."""
    file = _existing_file(name)
    text = file.read_text("utf-8")
    return Saved(name, text, read(text), file.stat().st_mtime)


def save(name: str, recipe: Mapping[str, Any]) -> Saved:
    """Keeps a recipe under a name, over the one of that name. Raises RefusedError."""
    file = _file(name)
    if not file.exists() and len(names()) >= MOST_KEPT:
        raise ConflictError(f"There are {MOST_KEPT} saved recipes.", "Delete one that is no longer needed.")
    _write(file, f"{_HEAD}{name}\n{by_name.to_yaml(checked(recipe))}")
    return look_up(name)


def rename(name: str, new: str) -> None:
    """Raises NotFoundError, RefusedError; ConflictError when the new name is taken."""
    text, file = look_up(name).text, _file(new)
    if name == new:
        return
    if file.exists():
        raise ConflictError(f"There is a saved recipe `{new}` already.", "Choose another name, or delete that one.")
    _write(file, f"{_HEAD}{new}\n{text.partition(chr(10))[2]}")
    _file(name).unlink()


def delete(name: str) -> None:
    """Raises NotFoundError."""
    _existing_file(name).unlink()


def read(text: str) -> dict[str, Any]:
    """The fields of a recipe in YAML; it need not say which model and dataset. Raises RefusedError."""
    fields = recipes.read_fields(text)
    complete = checked(fields).model_dump()
    return {name: value for name, value in complete.items() if name not in SUBJECTS or fields.get(name)}


def checked(recipe: Mapping[str, Any]) -> Recipe:
    """A recipe that holds, whichever model and dataset it is for. Raises RefusedError."""
    return recipes.parse(
        {
            **dict.fromkeys(SUBJECTS, ABSENT),
            **{field: value for field, value in recipe.items() if value or field not in SUBJECTS},
        }
    )


def _existing_file(name: str) -> Path:
    file = _file(name)
    if not file.exists() or _name_in(file) != name:
        raise NotFoundError(f"There is no saved recipe `{name}`.", "The Train page lists them.")
    return file


def _name_in(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        first = lines.readline(MOST_CHARACTERS * 8)
    return first.removeprefix(_HEAD).strip() if first.startswith(_HEAD) else file.stem


def _file(name: str) -> Path:
    """A name made of small letters is the file's own; any other is followed by a few digits of its sum."""
    if len(name) > MOST_CHARACTERS or not _NAME.fullmatch(name) or name != name.strip():
        hint = f"Use up to {MOST_CHARACTERS} letters, digits, spaces and . , ( ) + - _"
        raise RefusedError(f"`{name:.80}` cannot be the name of a recipe.", hint)
    if _PLAIN.fullmatch(name):
        return home.recipes() / f"{name}.yaml"
    plain = re.sub(r"[^0-9a-z]+", "-", name.lower()).strip("-")[:40]
    return home.recipes() / f"{plain or 'recipe'}_{sha256(name.encode()).hexdigest()[:12]}.yaml"


def _write(file: Path, text: str) -> None:
    temporary = home.ensure_folder(file.parent) / f"{file.name}.{token_hex(4)}.part"
    temporary.write_text(text, "utf-8")
    os.replace(temporary, file)
