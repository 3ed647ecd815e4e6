"""The held-out rows that a run read for its curve, where it read fewer than there are to save time."""

from dataclasses import dataclass, field
from typing import Any

from engine.runs.script.told import Told


@dataclass(frozen=True)
class Read:
    """A piece that cuts `eval_rows`, where they have to be cut."""

    pieces: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)


def of(told: Told) -> Read:
    """All rows of `eval_rows`, or the first ones."""
    is_fewer = 0 < told.read_rows < (told.facts.eval_rows or 0)
    return Read(("rows_read",), {"READ_ROWS": told.read_rows}) if is_fewer else Read()
