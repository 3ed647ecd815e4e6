"""GGUF files on the Serve page: the versions of the registry that can be served, and what a served file is called."""

from collections.abc import Collection
from typing import Any

from storage import db, registry

MOST_OFFERED = 200  # versions, the newest
NONE_CHOSEN = "Choose a version. Export a run as GGUF and keep that as a version on the Registry page."


def choices() -> list[tuple[str, str]]:
    """(words, id of the export) of each version that is a GGUF file of a whole model, the newest first."""
    with db.reading() as session:
        files = registry.gguf_versions(session, MOST_OFFERED)
    whole = [row for row in files if row[2].options.get("of") != "adapter"]
    return [
        (f"{name}, version {number}, {export.options.get('type', '')}", export.id) for name, number, export in whole
    ]


def options(export_id: str | None) -> dict[str, Any]:
    """What an endpoint of that file is made with."""
    return {"export_id": export_id} if export_id else {}


def names(export_ids: Collection[str]) -> dict[str, str]:
    """What each served file is called: by its version where there is one, else by its run."""
    if not export_ids:
        return {}
    with db.reading() as session:
        of_runs = registry.exports_with_runs(session, export_ids)
        versions = {export.id: f"{name}, version {number}" for name, number, export
                    in reversed(registry.gguf_versions(session, MOST_OFFERED, export_ids))}  # fmt: skip
    return {
        export.id: f"{versions.get(export.id, run_name)}, {export.options.get('type', '')}".rstrip(", ")
        for export, run_name in of_runs
    }
