"""Deletions taken back at the command line: datasets and models, for half a minute."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from engine import deleted
from engine.errors import RefusedError
from storage.tables import Dataset, Model

UndoId = Annotated[str | None, typer.Argument(metavar="ID", help="The last deletion when left out.")]
Row = TypeVar("Row", Dataset, Model)


def say_undo(command: str, undo_id: str) -> None:
    typer.echo(f"For {deleted.UNDO_SECONDS} s: tunesmith {command} undo {undo_id}")


def say_undone(table: type[Row], undo_id: str | None, undo: Callable[[str], tuple[str, list[str]]]) -> None:
    """Takes one deletion back, the last where none is named. Raises RefusedError where there is none."""
    latest = deleted.waiting(table)
    if undo_id is None and not latest:
        raise RefusedError("There is nothing to undo.", "Only the last half minute can be undone.")
    words, ids = undo(undo_id or latest[0].id)
    typer.echo(f"Undone for {len(ids)}: {words}")
