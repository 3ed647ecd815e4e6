"""A mapping: which column of a file is which part of a row, and what its roles mean. What it says comes before guesses.

Found by looking (`engine.rows.mapping.suggestion`) or written by a person; `engine.rows.mapping.detection` reads rows
by it.
"""

from collections import abc
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.errors import RefusedError
from engine.rows.kinds.row_parts import NEEDS, PARTS
from engine.rows.mapping import detection
from engine.rows.turns.role_names import words
from engine.rows.verdict import Format, Kind

Role = Literal["system", "user", "assistant", "tool", "call"]
LONGEST_NAME = 200
MOST_NAMES = 60
_WRITTEN_OUT = ("prompt", "input", "completion")  # parts of a row that has no list of turns


class Mapping(BaseModel):
    """Which column is which part, what the roles mean, and under which keys a turn says who and what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(description="What the rows become: chat, completion, text, preference ...")
    parts: dict[str, str] = Field(description="Name of a part of the row -> name of the column it is in.")
    roles: dict[str, Role] = Field(
        default_factory=dict,
        description="What a role is called in the file -> system, user, assistant, tool, or call (an assistant turn "
        "that is nothing but a call of a tool). The usual names are known.",
    )
    who: str = Field(default="", max_length=LONGEST_NAME, description="Key of a turn that says who speaks, if unusual.")
    what: str = Field(default="", max_length=LONGEST_NAME, description="Key of a turn with what is said, if unusual.")

    @field_validator("parts", "roles")
    @classmethod
    def _bounded(cls, names: dict[str, str]) -> dict[str, str]:
        if len(names) > MOST_NAMES or any(len(name) > LONGEST_NAME for pair in names.items() for name in pair):
            raise ValueError(f"at most {MOST_NAMES} names of at most {LONGEST_NAME} characters")
        return names

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if unknown := [name for name in self.parts if name not in PARTS[self.kind]]:
            raise ValueError(
                f"`{unknown[0]}` is not a part of a {self.kind} row; its parts are {', '.join(PARTS[self.kind])}"
            )
        _check_columns_once(self.parts)
        if not any(set(needed) <= set(self.parts) for needed in NEEDS[self.kind]):
            raise ValueError(f"a {self.kind} row needs {needs_in_words(self.kind)}")
        if "messages" in self.parts and (conflicting := [name for name in _WRITTEN_OUT if name in self.parts]):
            raise ValueError(f"a row is written either as `messages` or with `{conflicting[0]}`, not both")
        return self


def _check_columns_once(parts: abc.Mapping[str, str]) -> None:
    taken: dict[str, str] = {}
    for part, column in parts.items():
        if not column:
            raise ValueError(f"`{part}` is not a column; leave it out")
        if column in taken:
            raise ValueError(f"the column `{column}` is taken twice, for `{taken[column]}` and for `{part}`")
        taken[column] = part


def needs_in_words(kind: Kind) -> str:
    """What a row of this kind cannot do without, such as "`messages`, or `prompt` and `completion`"."""
    return ", or ".join(" and ".join(f"`{name}`" for name in needed) for needed in NEEDS[kind])


def kind_of(parts: abc.Iterable[str]) -> Kind | None:
    """The first kind whose rows have all these parts and need no others; None when there is none."""
    part_names = set(parts)
    return next(
        (
            kind
            for kind in PARTS
            if part_names <= set(PARTS[kind]) and any(set(need) <= part_names for need in NEEDS[kind])
        ),
        None,
    )


def parse(values: abc.Mapping[str, Any]) -> Mapping:
    """A mapping from plain values. Raises RefusedError that says in words what does not hold."""
    try:
        return Mapping.model_validate(values)
    except ValidationError as error:
        raise RefusedError(f"The mapping is not valid: {_in_words(error)}.", "Choose the columns again.") from error


def _in_words(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    location = ".".join(str(key) for key in first["loc"])
    return f"{location}: {message}" if location else message


def format_of(mapping: Mapping) -> Format:
    """The format that reads rows as the mapping says, and no other rows."""
    return detection.mapped(mapping.kind, mapping.parts, words(mapping.who, mapping.what, mapping.roles))


def check_columns(mapping: Mapping, columns: Iterable[str]) -> None:
    """Raises RefusedError when the file has no column of a name that the mapping uses."""
    existing = list(columns)
    for part, column in mapping.parts.items():
        if column not in existing:
            listed = ", ".join(f"`{name[:60]}`" for name in existing[:20]) or "none"
            raise RefusedError(
                f"There is no column `{column[:100]}` for `{part}`.", f"The columns of the file: {listed}."
            )
