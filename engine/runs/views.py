"""Views of a list of runs that a project keeps under a name: filters, order and columns as the address has them."""

from urllib.parse import parse_qsl, urlencode

from engine import names
from engine.errors import NotFoundError, RefusedError
from engine.existing import existing
from storage import db
from storage.run_lists import views as stored
from storage.tables import Project, SavedView

KEYS = ("q", "status", "method", "model", "dataset", "sweep", "tag", "when", "show", "sort", "cols")
MOST, LONGEST_NAME, LONGEST_QUERY = 50, 60, 2000


def save(project_id: str, name: str, query: str) -> SavedView:
    """Keeps a view; one of the same name takes its place. Raises NotFoundError, RefusedError."""
    called = names.checked(name, "view", LONGEST_NAME)
    kept = normal(query)
    with db.session() as session:
        existing(session, Project, project_id)
        view = stored.named(session, project_id, called) or SavedView(project_id=project_id, name=called, query="")
        if view.query == "" and stored.count(session, project_id) >= MOST:
            raise RefusedError(f"A project keeps at most {MOST} views.", "Delete one that is no longer needed.")
        view.query = kept
        session.add(view)
    return view


def normal(query: str) -> str:
    """The part of an address that a view keeps, in one order. Raises RefusedError for none, and for too long a one."""
    given = dict(parse_qsl(query.removeprefix("?")))
    kept = urlencode({key: given[key] for key in KEYS if given.get(key)})
    if not kept:
        hint = f"Use the part of the list's address after the question mark, with some of {', '.join(KEYS)}."
        raise RefusedError(f"{query[:60]!r} shows all runs, so it needs no view.", hint)
    if len(kept) > LONGEST_QUERY:
        raise RefusedError(f"A view of {len(kept):,} characters is too long.", f"Use at most {LONGEST_QUERY:,}.")
    return kept


def of_project(project_id: str) -> list[SavedView]:
    """By their names."""
    with db.reading() as session:
        return stored.of_project(session, project_id)


def delete(view_id: str) -> None:
    """Raises NotFoundError."""
    with db.session() as session:
        view = session.get(SavedView, view_id)
        if view is None:
            raise NotFoundError(f"There is no view `{view_id:.80}`.", "GET /api/runs/views lists them.")
        session.delete(view)
