"""What was measured of a version: the reports on its run and other comparisons, in the shape that lists show."""

from collections.abc import Mapping, Sequence
from typing import Any

from storage import db, registry
from storage.tables import ModelVersion

OF_METRIC = ("name", "title", "better", "base", "tuned", "difference", "low", "high")


def of(name: str, versions: Sequence[ModelVersion]) -> dict[int, list[dict[str, Any]]]:
    """Version number -> what was measured of it, the first one first, by one query for all of them."""
    subjects = {version.number: _subjects(name, version) for version in versions}
    with db.reading() as session:
        figures = registry.measured(session, [text for texts in subjects.values() for text in texts])
    return {number: [_told(row) for row in figures if row["subject"] in texts] for number, texts in subjects.items()}


def _subjects(name: str, version: ModelVersion) -> list[str]:
    """How evaluations may have named it. An export may answer otherwise than its run, so its run's are not its own."""
    held = f"run:{version.run_id}" if version.run_id else f"model:{version.model_id}"
    own = f"version:{name}/{version.number}"
    return [own, held] if version.export_id is None else [own]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    primary = next((metric for metric in row["metrics"] or () if metric["name"] == row["primary"]), None)
    return {
        "id": row["id"],
        "name": row["name"],
        "against": row["against"],
        "is_report": row["run_id"] is not None,
        **{name: row[name] for name in ("verdict", "sentence", "rows")},
        "primary": primary and {name: primary.get(name) for name in OF_METRIC},
        "created_at": row["created_at"],
    }
