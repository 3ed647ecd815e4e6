"""What is on its way somewhere, for the loop that moves it on: ids alone, the oldest first.

Each query is answered from an index, and where many may wait in line it gives the first one only.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, null, or_
from sqlmodel import Session, col, select

from storage.statuses import RUN_ALIVE, SERVING_MOVING, DatasetStatus, ModelStatus, RunStatus, WorkStatus
from storage.tables import Backend, Dataset, Model, Run, Work


def runs(session: Session) -> Sequence[str]:
    """Runs that have left the queue and not ended."""
    return session.exec(select(Run.id).where(col(Run.status).in_(RUN_ALIVE)).order_by(col(Run.created_at))).all()


def first_run(session: Session, passed: Sequence[str] = ()) -> str | None:
    """The run that is first in the queue of those that wait for nothing but a device, but for those passed."""
    query = select(Run.id).where(Run.status == RunStatus.QUEUED, Run.hold == "")
    query = query.where(col(Run.id).not_in(passed)) if passed else query
    in_order = query.order_by(col(Run.rank), col(Run.position), col(Run.created_at))
    return session.exec(in_order.limit(1)).first()


def reporting_runs(session: Session, ended_after: float) -> Sequence[str]:
    """Runs that report to a tracker and are alive, or ended after that moment."""
    lately = or_(col(Run.status).in_(RUN_ALIVE), col(Run.ended_at) > ended_after)
    reports = col(Run.recipe)["report_to"].as_string() != ""
    return session.exec(select(Run.id).where(lately, reports)).all()


def models(session: Session) -> Sequence[str]:
    """Models that are being fetched."""
    return session.exec(
        select(Model.id).where(Model.status == ModelStatus.QUEUED).order_by(col(Model.created_at))
    ).all()


def models_to_look_at(session: Session) -> Sequence[str]:
    """Models that are there, and whose tokenizer and chat template nobody has looked at yet."""
    unseen = col(Model.token_facts).is_(null())
    return session.exec(
        select(Model.id).where(Model.status == ModelStatus.READY, unseen).order_by(col(Model.created_at))
    ).all()


def first_import(session: Session, passed: Sequence[str] = ()) -> str | None:
    """The dataset that is first in line to be imported, or being so, but for those passed."""
    return _first(session, Dataset, DatasetStatus.IMPORTING, passed)


def backends(session: Session) -> Sequence[str]:
    """Backends that hold a process, or wait for one."""
    return session.exec(select(Backend.id).where(col(Backend.status).in_(SERVING_MOVING))).all()


def work(session: Session) -> Sequence[str]:
    """Work that is under way."""
    return session.exec(select(Work.id).where(Work.status == WorkStatus.RUNNING).order_by(col(Work.created_at))).all()


def first_work(session: Session, passed: Sequence[str] = ()) -> str | None:
    """The piece of work that is first in the queue, but for those passed."""
    return _first(session, Work, WorkStatus.QUEUED, passed)


def work_under_way(session: Session, but_kinds: Collection[str]) -> int:
    """How many pieces of work are under way, those of some kinds not counted."""
    counted = (Work.status == WorkStatus.RUNNING, col(Work.kind).not_in(but_kinds))
    return session.scalar(select(func.count()).select_from(Work).where(*counted)) or 0


def _first(session: Session, table: Any, status: str, passed: Sequence[str]) -> str | None:
    query = select(table.id).where(table.status == status)
    query = query.where(table.id.not_in(passed)) if passed else query
    row_id: str | None = session.exec(query.order_by(table.created_at).limit(1)).first()
    return row_id
