"""What holds a run, an export or a model, in words: by it a deletion is refused, and says why."""

from collections.abc import Sequence

from sqlalchemy import or_
from sqlmodel import Session, col, select

from storage.tables import ModelVersion, RegisteredModel


def versions(
    session: Session, *, run_id: str | None = None, export_id: str | None = None, model_id: str | None = None
) -> Sequence[tuple[str, int]]:
    """The versions that hold a run, an export or a model: names and numbers."""
    ids = ((ModelVersion.run_id, run_id), (ModelVersion.export_id, export_id), (ModelVersion.model_id, model_id))
    held = [col(column) == value for column, value in ids if value is not None]
    query = select(RegisteredModel.name, ModelVersion.number).where(or_(*held))
    query = query.where(col(RegisteredModel.id) == ModelVersion.registered_id)
    return session.exec(query.order_by(col(RegisteredModel.name), col(ModelVersion.number))).all()


def in_words(held_by: Sequence[tuple[str, int]], most: int = 3) -> str:
    """Version 3 of `jokes`, version 1 of `sums` and 4 more."""
    named = ", ".join(f"version {number} of `{name}`" for name, number in held_by[:most])
    return f"{named} and {len(held_by) - most} more" if len(held_by) > most else named
