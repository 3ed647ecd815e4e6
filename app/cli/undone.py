"""Deletions taken back at the command line, for half a minute. Runs have their own, with other changes of theirs."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from app.cli.printed import answer
from engine import deleted
from engine.deleted import Deletion
from engine.errors import RefusedError
from storage.lists.deleted import Row

UndoId = Annotated[str | None, typer.Argument(metavar="ID", help="The last deletion when left out.")]


def say_undo(command: str, deleted_id: str, undo_id: str) -> None:
    """How what was just deleted comes back."""
    words = f"For {deleted.UNDO_SECONDS} s: tunesmith {command} undo {undo_id}"
    answer({"id": deleted_id, "deleted": True, "undo": undo_id}, words)


def say_undone(table: type[Row], undo_id: str | None, undo: Callable[[str], tuple[str, list[str]]]) -> None:
    """Takes one deletion back, the last where none is named. Raises RefusedError where there is none."""
    take_back(deleted.waiting(table), undo_id, undo)


def take_back(latest: Sequence[Deletion], undo_id: str | None, undo: Callable[[str], tuple[str, list[str]]]) -> None:
    """The same with one of these deletions."""
    if undo_id is None and not latest:
        raise RefusedError("There is nothing to undo.", "Only the last half minute can be undone.")
    words, ids = undo(undo_id or latest[0].id)
    answer({"ids": ids, "undone": words}, f"Undone for {len(ids)}: {words}")
