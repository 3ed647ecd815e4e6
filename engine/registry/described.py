"""What there is to say about models of the registry and their versions: for lists, one of them, REST and the page."""

from collections.abc import Sequence
from typing import Any

from engine.registry import following, in_use, measured, registered, versions
from storage import db, registry
from storage.tables import ModelVersion, RegisteredModel

MOST_VERSIONS = 100  # of one model at once
OF_MODEL = ("id", "project_id", "name", "note", "tags", "created_at", "updated_at")
OF_VERSION = (
    "number",
    "kind",
    "stage",
    "note",
    "tags",
    "run_id",
    "export_id",
    "model_id",
    "lineage",
    "size_bytes",
    "checked_at",
    "changed",
    "created_at",
)


def listed(rows: Sequence[RegisteredModel]) -> list[dict[str, Any]]:
    """Each model with its newest version's number and its aliases, by three queries for all of them."""
    ids = [row.id for row in rows]
    with db.reading() as session:
        counted = registry.counted_versions(session, ids)
        led = registry.led_numbers(session, ids)
    return [
        {
            **{name: getattr(row, name) for name in OF_MODEL},
            "versions": counted.get(row.id, (0, 0))[0],
            "newest": counted.get(row.id, (0, 0))[1],
            "aliases": led.get(row.id, {}),
        }
        for row in rows
    ]


def model(name: str, limit: int = MOST_VERSIONS, offset: int = 0) -> dict[str, Any]:
    """One model with a page of its versions, the newest first, and the endpoints that follow its aliases."""
    row = registered.look_up(name)
    with db.reading() as session:
        kept = registry.versions(session, row.id, limit, offset)
    facts = listed([row])[0]
    return {**facts, "version_list": _told(row, kept, facts["aliases"]), "endpoints": following.states(row.id)}


def _told(row: RegisteredModel, kept: Sequence[ModelVersion], aliases: dict[str, int]) -> list[dict[str, Any]]:
    """Versions of one model, by as many queries as one of them takes."""
    with db.reading() as session:
        serving = in_use.by_endpoints(session, row.id, kept)
    figures = measured.of(row.name, kept)
    return [
        {**_version(row, version, aliases, serving[version.id]), "measured": figures[version.number]}
        for version in kept
    ]


def version(name: str, number: int) -> dict[str, Any]:
    """One version with its files, what was measured and what uses it. Raises NotFoundError."""
    row = registered.look_up(name)
    kept = versions.look_up(name, number)
    facts = listed([row])[0]
    return {**_told(row, [kept], facts["aliases"])[0], "files": kept.files or {}}


def _version(row: RegisteredModel, kept: ModelVersion, aliases: dict[str, int], serving: list[str]) -> dict[str, Any]:
    return {
        **{name: getattr(kept, name) for name in OF_VERSION},
        "version": kept.number,
        "name": row.name,
        "subject": f"version:{row.name}/{kept.number}",
        "holds": versions.subject_of(kept),
        "aliases": [alias for alias, number in aliases.items() if number == kept.number],
        "endpoints": serving,
        "files_state": "reading" if kept.work_id else "changed" if kept.changed else "as kept",
    }
