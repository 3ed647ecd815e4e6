"""Where the weights of a backend's adapters lie: in the run's folder, or in the copy that the backend was given."""

from pathlib import Path

from engine.serve import adapter_files, adapter_names
from storage import db, home, served_adapters
from storage.tables import Backend, ServedAdapter


def copy_of(row: ServedAdapter) -> Path:
    """The copy of an adapter that one load has to itself."""
    return home.backend_folder(row.backend_id) / "adapters" / row.id


def sources(backend: Backend) -> dict[str, Path]:
    """Subject -> folder of what a backend serves, whole models too, in order. Raises RefusedError for what is gone.

    After a restart of the engine it is the copy that was loaded before.
    """
    with db.reading() as session:
        rows = served_adapters.current(session, backend.id)
    return {
        subject: _source(subject, rows.get(subject), backend.kind)
        for subject in adapter_names.subjects(backend.adapters)
    }


def _source(subject: str, row: ServedAdapter | None, kind: str) -> Path:
    if row is not None and adapter_files.is_adapter(copy := copy_of(row)):
        return copy
    return adapter_files.to_serve(subject, kind).folder
