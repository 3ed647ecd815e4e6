"""A row by its id, or the error that names what is not there."""

from typing import TypeVar

from sqlmodel import Session, SQLModel

from engine.errors import NotFoundError
from storage.tables import (
    ApiKey,
    Benchmark,
    Chat,
    Dataset,
    Endpoint,
    Evaluation,
    Export,
    Model,
    Project,
    Run,
    Snippet,
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
    Model: ("model", "It may have been deleted. The Models page lists them."),
    Project: ("project", "GET /api/projects lists the projects."),
    Run: ("run", "It may have been deleted. The Runs page lists them all."),
    Snippet: ("snippet", "It may have been deleted. GET /api/snippets lists them."),
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
