"""A row by its id, or the error that names what is not there; and the error for one that a version still holds."""

from typing import TypeVar

from sqlmodel import Session, SQLModel

from engine.errors import ConflictError, NotFoundError
from storage import uses
from storage.tables import (
    ApiKey,
    Benchmark,
    Chat,
    Dataset,
    Endpoint,
    Evaluation,
    Export,
    LiveLink,
    Model,
    Project,
    RegisteredModel,
    Run,
    Snippet,
    Sweep,
    Tuner,
    Work,
)

T = TypeVar("T", bound=SQLModel)

# What a person calls it, and where to look instead.
_WORDS: dict[type[SQLModel], tuple[str, str]] = {
    ApiKey: ("API key", "GET /api/keys lists the keys in use."),
    Benchmark: ("benchmark", "It may have been deleted. GET /api/benchmarks lists them."),
    Chat: ("chat", "It may have been deleted. The Chat page lists the last ones."),
    Dataset: ("dataset", "It may have been deleted. The Data page lists them."),
    Endpoint: ("endpoint", "It may have been deleted. The Serve page lists them."),
    Evaluation: ("evaluation", "It may have been deleted with its run. GET /api/evaluations lists them."),
    Export: ("export", "It may have been deleted with its run. GET /api/exports lists them."),
    LiveLink: ("link", "It was revoked, or went with its run or chat. GET /api/runs/ID/links lists those of a run."),
    Model: ("model", "It may have been deleted. The Models page lists them."),
    Project: ("project", "GET /api/projects lists the projects."),
    RegisteredModel: ("model in the registry", "GET /api/registry lists them."),
    Run: ("run", "It may have been deleted. The Runs page lists them all."),
    Snippet: ("snippet", "It may have been deleted. GET /api/snippets lists them."),
    Sweep: ("sweep", "It may have been deleted. GET /api/sweeps lists them."),
    Tuner: ("tuner", "It may have been deleted. GET /api/tuners lists them."),
    Work: ("work", "It may have been deleted with its dataset."),
}


def existing(session: Session, table: type[T], row_id: str) -> T:
    """The row. Raises NotFoundError, which says the noun and the id."""
    row = session.get(table, row_id)
    if row is None:
        raise missing(table, row_id)
    return row


def missing(table: type[SQLModel], row_id: str) -> NotFoundError:
    """The error for an id that names no such row, or one that counts as gone."""
    noun, hint = _WORDS[table]
    return NotFoundError(f"There is no {noun} `{row_id:.80}`.", hint)


def refuse_held(session: Session, row: Run | Export | Model, called: str) -> None:
    """Raises ConflictError when a version of the registry holds it. `called` is how a person knows it."""
    column = {Run: "run_id", Export: "export_id", Model: "model_id"}[type(row)]
    if held_by := uses.versions(session, **{column: row.id}):
        message = f"{called} is kept: {uses.in_words(held_by)} {'holds' if len(held_by) == 1 else 'hold'} it."
        raise ConflictError(message, "Delete that version first, on the Registry page.")
