"""Endpoints and the backends behind them."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlmodel import Session, col, select

from storage.statuses import SERVING_MOVING, EndpointStatus
from storage.tables import Backend, Endpoint


def get(db: Session, endpoint_id: str) -> Endpoint | None:
    return db.get(Endpoint, endpoint_id)


def backend(db: Session, backend_id: str | None) -> Backend | None:
    return db.get(Backend, backend_id) if backend_id else None


def recent(db: Session, project_id: str | None = None) -> Sequence[Endpoint]:
    query = select(Endpoint).order_by(col(Endpoint.created_at).desc())
    return db.exec(query.where(Endpoint.project_id == project_id) if project_id else query).all()


def backends(db: Session, endpoint_id: str) -> Sequence[Backend]:
    """Every backend the endpoint has had, newest first."""
    query = select(Backend).where(Backend.endpoint_id == endpoint_id)
    return db.exec(query.order_by(col(Backend.created_at).desc())).all()


def moving(db: Session) -> Sequence[Backend]:
    """Backends that hold a process, or wait for one."""
    return db.exec(select(Backend).where(col(Backend.status).in_(SERVING_MOVING))).all()


def live_by_name(db: Session, name: str) -> Endpoint | None:
    return db.exec(select(Endpoint).where(Endpoint.name == name, col(Endpoint.stopped_at).is_(None))).first()


def routes(db: Session) -> Sequence[tuple[Endpoint, Backend]]:
    """Every endpoint with the backend that answers for it now."""
    query = select(Endpoint, Backend).where(
        col(Endpoint.active_backend_id) == Backend.id, Backend.status == EndpointStatus.READY
    )
    return db.exec(query.order_by(col(Endpoint.created_at))).all()


def live(db: Session) -> Sequence[tuple[Endpoint, Backend]]:
    """Every endpoint that was not stopped, with the backend that answers for it, or will."""
    query = select(Endpoint, Backend).where(
        col(Endpoint.active_backend_id) == Backend.id, col(Endpoint.stopped_at).is_(None)
    )
    return db.exec(query.order_by(col(Endpoint.created_at))).all()


def flip(db: Session, endpoint_id: str, before: str | None, after: str) -> bool:
    """Makes `after` the active backend if `before` still is, and says whether it did."""
    same = (col(Endpoint.id) == endpoint_id, col(Endpoint.active_backend_id) == before)
    values = {"active_backend_id": after, "previous_backend_id": before}
    changed = update(Endpoint).where(*same).values(**values).returning(col(Endpoint.id))
    return db.scalar(changed) is not None
