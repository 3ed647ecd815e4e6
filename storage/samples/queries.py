"""Answers of runs to fixed prompts: written in bulk, read by step. One run may have a million of them."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.tables import Sample

FIRST = 0  # the number of a prompt that every step has


def add(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Inserts rows of the table in bulk; one that is there already (run, step, number) takes the new answer."""
    values = list(rows)
    if not values:
        return
    insert = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert(Sample)
    names = ("prompt", "answer", "tokens", "is_cut")
    upsert = insert.on_conflict_do_update(
        index_elements=["run_id", "step", "number"], set_={name: insert.excluded[name] for name in names}
    )
    session.execute(upsert, values)


def count(session: Session, run_id: str) -> int:
    return session.scalar(select(func.count()).select_from(Sample).where(Sample.run_id == run_id)) or 0


def listed(session: Session, run_id: str, limit: int | None = None, offset: int = 0) -> Sequence[Sample]:
    """By step, and within a step in the order of the prompts."""
    query = select(Sample).where(Sample.run_id == run_id).order_by(col(Sample.step), col(Sample.number))
    return session.exec(query.offset(offset).limit(limit)).all()


def of_step(session: Session, run_id: str, step: int) -> Sequence[Sample]:
    return session.exec(
        select(Sample).where(Sample.run_id == run_id, Sample.step == step).order_by(col(Sample.number))
    ).all()


def steps(session: Session, run_id: str) -> int:
    """How many steps have answers."""
    query = select(func.count()).select_from(Sample).where(Sample.run_id == run_id, Sample.number == FIRST)
    return session.scalar(query) or 0


def step_at(session: Session, run_id: str, place: int) -> int:
    """The step at a place among those, counted from 1; there must be one. Only an index is read."""
    query = select(Sample.step).where(Sample.run_id == run_id, Sample.number == FIRST).order_by(col(Sample.step))
    return session.exec(query.offset(place - 1).limit(1)).one()


def last_step(session: Session, run_id: str) -> int | None:
    query = select(func.max(Sample.step)).where(Sample.run_id == run_id, Sample.number == FIRST)
    return session.scalar(query)
