"""Counts what the database is asked: a figure that is the same on every machine, unlike seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import SQLModel


@dataclass
class Counted:
    """What was asked within the block."""

    statements: list[str] = field(default_factory=list)
    rows: int = 0  # objects that were made of rows of a table

    @property
    def writes(self) -> int:
        """Transactions that took the write lock."""
        return self.statements.count("BEGIN IMMEDIATE")


@contextmanager
def counting() -> Iterator[Counted]:
    """Counts on every engine and for every thread of this process, until the block ends."""
    counted = Counted()

    def on_statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted.statements.append(statement)

    def on_row(_target: Any, _context: Any) -> None:
        counted.rows += 1

    event.listen(Engine, "before_cursor_execute", on_statement)
    event.listen(SQLModel, "load", on_row, propagate=True)
    try:
        yield counted
    finally:
        event.remove(Engine, "before_cursor_execute", on_statement)
        event.remove(SQLModel, "load", on_row)
