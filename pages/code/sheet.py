"""The fields of the Code page as one value, in the order in which its events send them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from pages.code.files import Desk, desk_of


@dataclass(frozen=True)
class Sheet:
    """What stands on the page when something is pressed."""

    snippet_id: str
    files_json: str
    opened: str
    code: str
    task: str
    language: str
    model: str
    into: str  # the language that a translation is written in
    answers: int
    rounds: int
    temperature: float
    max_tokens: int
    error: str  # what the last run said went wrong
    stdin: str
    seconds: float
    cursor: int  # -1: not known
    base: int  # number of the newest version when the editor got its text; 0: there was none

    @property
    def desk(self) -> Desk:
        return desk_of(self.files_json, self.opened, self.code)


NAMES = tuple(field.name for field in fields(Sheet))
_EMPTY = Sheet("", "", "", "", "", "python", "", "", 1, 3, 0.2, 1024, "", "", 10.0, -1, 0)


def sheet_of(values: Sequence[Any]) -> Sheet:
    """From the values of the fields, in the order of NAMES; an empty field counts as its empty value."""
    given = dict(zip(NAMES, values, strict=True))
    return Sheet(**{name: _typed(getattr(_EMPTY, name), value) for name, value in given.items()})


def _typed(empty: str | float, value: Any) -> Any:
    return empty if value is None or value == "" else type(empty)(value)
