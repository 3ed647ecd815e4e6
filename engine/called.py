"""A row by what a person calls it: its id, or its name. A name that several have is refused with their ids.

The same on the command line and in recipes. An id wins over a name, so that what was written with ids stays true.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from engine.errors import ConflictError, NotFoundError
from engine.existing import missing
from engine.names import composed, did_you_mean
from storage import datasets, db, endpoints
from storage.tables import Dataset, Endpoint, Model, Run, Sweep

T = TypeVar("T", bound=SQLModel)

MOST_LISTED = 8
MOST_NAMES = 5_000  # of the newest, looked through for a name that is nearly right
_VERSION = re.compile(r"(?P<name>.+)/(?P<number>[0-9]{1,6})")


class UnknownError(NotFoundError):
    """Nothing is called so. `is_typo`: something is called nearly so."""

    is_typo = False


class AmbiguousError(ConflictError):
    """Several are called so."""


def find(session: Session, table: type[T], text: str) -> T:
    """The row of that id, or the one of that name; of a dataset `NAME/2` is a version, and NAME the newest one.

    Raises UnknownError, with the nearest names; AmbiguousError for a name that several have, with their ids.
    """
    row = session.get(table, text)
    if row is not None:
        return row
    name = composed(" ".join(text.split()))  # as names are kept, however they were typed
    named = find_all(session, table, name)
    if len(named) == 1:
        only: T = named[0]
        return only
    raise _ambiguous(table, name, named) if named else _unknown(session, table, text)


def id_of(table: type[SQLModel], text: str) -> str:
    """The id of the row that is called so. Raises like `find`."""
    with db.reading() as session:
        row: Any = find(session, table, text)
    return str(row.id)


def find_all(session: Session, table: type[T], name: str) -> Sequence[Any]:
    """The rows of that name: of a dataset the newest version, of an endpoint the one in use."""
    if table is Endpoint and (live := endpoints.live_by_name(session, name)) is not None:
        return [live]
    row: Any = table
    query = select(table).where(col(row.name) == name).order_by(col(row.created_at).desc())
    if table is Dataset:
        return _datasets(session, query, name)
    return session.exec(query.limit(1 if table is Endpoint else MOST_LISTED + 1)).all()


def _datasets(session: Session, query: Any, name: str) -> Sequence[Dataset]:
    newest: Sequence[Dataset] = session.exec(query.where(~datasets.has_newer()).limit(MOST_LISTED + 1)).all()
    if newest or not (version := _VERSION.fullmatch(name)):
        return newest
    of_version = (Dataset.name == version["name"], Dataset.version == int(version["number"]))
    return session.exec(select(Dataset).where(*of_version).limit(MOST_LISTED + 1)).all()


def _ambiguous(table: type[SQLModel], name: str, named: Sequence[Any]) -> AmbiguousError:
    ids = ", ".join(f"{row.id}{_apart(row)}" for row in named[:MOST_LISTED])
    more = " and more" if len(named) > MOST_LISTED else ""
    count = f"more than {MOST_LISTED}" if more else str(len(named))
    noun = table.__name__.lower()
    return AmbiguousError(f"There are {count} {noun}s called `{name:.80}`.", f"Name one by id: {ids}{more}.")


def _apart(row: Any) -> str:
    """What tells it from the others of its name."""
    match row:
        case Run() | Dataset() | Sweep():
            return f" ({row.status.value})"
        case Model():
            return f" ({row.source})"
    return ""


def _unknown(session: Session, table: type[SQLModel], text: str) -> UnknownError:
    row: Any = table
    names = session.exec(select(row.name).order_by(col(row.created_at).desc()).limit(MOST_NAMES)).all()
    plain, guess = missing(table, text), did_you_mean(text, names)
    error = UnknownError(plain.message, guess or plain.hint)
    error.is_typo = bool(guess)
    return error
