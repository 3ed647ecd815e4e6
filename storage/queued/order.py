"""The order of the queue: by priority, then by position, then as they came."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, update
from sqlmodel import Session, col, select

from storage.run_lists.columns import FOR_A_LIST, IN_LINE
from storage.statuses import RUN_ALIVE, RunStatus
from storage.tables import Run

_QUEUED = Run.status == RunStatus.QUEUED
# What open pages ask for every few seconds: to build such a statement takes longer than to ask it.
_ALIVE = select(Run).where(col(Run.status).in_(RUN_ALIVE)).options(*FOR_A_LIST).order_by(col(Run.started_at))
_COUNT_WAITING = select(func.count()).select_from(Run).where(_QUEUED)
_WAITING = (
    select(Run)
    .where(_QUEUED)
    .options(*FOR_A_LIST)
    .order_by(*IN_LINE)
    .offset(bindparam("first"))
    .limit(bindparam("rows"))
)


class Place(NamedTuple):
    """How a queued run stands."""

    id: str
    priority: int
    position: float


def places(session: Session) -> list[Place]:
    """Every queued run, in order."""
    query = select(Run.id, -col(Run.rank), Run.position).where(_QUEUED).order_by(*IN_LINE)
    return [Place(*row) for row in session.exec(query)]


def put(session: Session, changes: Mapping[str, tuple[int, float]]) -> None:
    """Gives runs another (priority, position)."""
    if changes:
        rows = [{"id": id, "rank": -priority, "position": place} for id, (priority, place) in changes.items()]
        session.execute(update(Run), rows)


def waiting(session: Session, limit: int, offset: int = 0) -> Sequence[Run]:
    """Queued runs in order, without recipe and facts."""
    return session.exec(_WAITING, params={"first": offset, "rows": limit}).all()


def count_waiting(session: Session) -> int:
    """How many wait, of all projects."""
    return session.scalar(_COUNT_WAITING) or 0


def alive(session: Session) -> Sequence[Run]:
    """Runs that train, or are about to or about to end, the longest first, without recipe and facts."""
    return session.exec(_ALIVE).all()
