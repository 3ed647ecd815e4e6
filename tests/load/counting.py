"""How many statements go to the database, and how many rows come back: the same on every machine, unlike seconds."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event


@dataclass
class Counted:
    """What happened in a `counting()` block, by whatever thread."""

    statements: list[str] = field(default_factory=list)
    rows: int = 0
    writes: int = 0  # transactions that took the write lock


@contextmanager
def counting() -> Iterator[Counted]:
    """Counts on every SQLite database of this process, until the block ends."""
    counted = Counted()

    def row(_cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> tuple[Any, ...]:
        counted.rows += 1
        return values

    def before(_connection: Any, cursor: sqlite3.Cursor, statement: str, *_more: Any) -> None:
        if statement.startswith("BEGIN"):
            counted.writes += statement == "BEGIN IMMEDIATE"
        else:
            counted.statements.append(statement)
            cursor.row_factory = row

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield counted
    finally:
        event.remove(Engine, "before_cursor_execute", before)
