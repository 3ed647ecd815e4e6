"""What every tick does with its rows: it looks at them one by one, and one that is broken stops nothing but itself.

Only ids are read beforehand. A row that cannot even be loaded is therefore no more than one failure in the log.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlmodel import Session, SQLModel

from engine.process import logs
from storage import db

Row = TypeVar("Row", bound=SQLModel)
Query = Callable[[Session], Sequence[str]]
First = Callable[[Session, Sequence[str]], str | None]


def each(noun: str, table: type[Row], query: Query, act: Callable[[Row], None]) -> None:
    """Acts on every row whose id the query gives."""
    with db.reading() as session:
        ids = query(session)
    for row_id in ids:
        with logs.kept_going(noun, row_id):
            if (row := _load(table, row_id)) is not None:
                act(row)


def in_line(noun: str, table: type[Row], first: First, act: Callable[[Row], bool]) -> None:
    """Acts on the first row in line, then on the next, until one says that the others have to wait (False).

    `first` gives the first id in line that is not among those passed. The length of the line costs nothing.
    """
    passed: list[str] = []
    goes_on = True
    while goes_on:
        with db.reading() as session:
            row_id = first(session, passed)
        if row_id is None:
            return
        passed.append(row_id)
        with logs.kept_going(noun, row_id):
            row = _load(table, row_id)
            goes_on = row is None or act(row)


def _load(table: type[Row], row_id: str) -> Row | None:
    with db.reading() as session:
        return session.get(table, row_id)
