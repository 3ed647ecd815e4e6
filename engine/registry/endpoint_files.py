"""What the database knows of an endpoint, kept in its folder too: endpoints/ID/row.json.

Its name, what answers for it and what answered before (backend, options, adapters), and the alias that it follows. From
these `repair` makes the rows again. Written within twenty seconds by `keep_up`, as engine.registry.manifests says.
"""

import hashlib

from sqlmodel import Session, SQLModel, select

from engine.process import logs, trash
from engine.registry import manifests
from storage import db, endpoints, home
from storage.tables import AliasFollower, Backend, Endpoint, Project

FOLDER = "endpoints"
LASTING = {"id", "endpoint_id", "kind", "model_id", "adapters", "options", "created_at"}  # of a backend


def keep_up() -> None:
    """Writes those that are new or have changed since."""
    with db.reading() as session:
        rows_by_endpoint = {row.id: _rows(session, row) for row in session.exec(select(Endpoint)).all()}
    for endpoint_id, rows in rows_by_endpoint.items():
        with logs.kept_going(FOLDER, endpoint_id):
            _write(endpoint_id, rows)


def _rows(session: Session, endpoint: Endpoint) -> dict[str, list[SQLModel]]:
    follower = session.get(AliasFollower, endpoint.id)
    project = session.get(Project, endpoint.project_id)
    return {
        "endpoint": [endpoint],
        "backend": _backends(session, endpoint),
        "alias_follower": [follower] if follower else [],
        "project": [project] if project else [],
    }


def _backends(session: Session, endpoint: Endpoint) -> list[SQLModel]:
    """What answers, and what answered before."""
    backends = (endpoints.backend(session, id) for id in (endpoint.active_backend_id, endpoint.previous_backend_id))
    return [backend for backend in backends if backend is not None]


def _write(endpoint_id: str, rows: dict[str, list[SQLModel]]) -> None:
    """The file is left alone while nothing lasting has changed: a backend's state comes and goes."""
    lasting = [
        row.model_dump(mode="json", include=LASTING if isinstance(row, Backend) else None, exclude={"last_used_at"})
        for listed in rows.values()
        for row in listed
    ]
    signature = hashlib.sha256(repr(lasting).encode()).hexdigest()[:16]
    folder = home.folder(FOLDER, endpoint_id)
    if manifests.signature(folder) == signature:
        return
    manifests.write(folder, rows, signature)
    with db.reading() as session:
        if session.get(Endpoint, endpoint_id) is None:  # deleted in this instant
            trash.discard(folder)
