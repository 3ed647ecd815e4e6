"""Where the process behind an endpoint writes what it prints."""

from pathlib import Path

from engine.errors import NotFoundError
from engine.process.output import FILE
from storage import db, endpoints, home


def log_of(backend_id: str) -> Path:
    """The file, which may be missing. Raises NotFoundError."""
    with db.reading() as session:
        if endpoints.backend(session, backend_id) is None:
            hint = "It may have been deleted with its endpoint. GET /api/endpoints lists endpoints with their backends."
            raise NotFoundError(f"There is no backend `{backend_id}`.", hint)
    return home.backend_folder(backend_id) / FILE
