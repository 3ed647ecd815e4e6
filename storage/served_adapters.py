"""Adapters as backends hold them."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_
from sqlmodel import Session, col, select

from storage.statuses import SERVING_KEPT, AdapterStatus
from storage.tables import Backend, ServedAdapter


def get(session: Session, adapter_id: str) -> ServedAdapter | None:
    return session.get(ServedAdapter, adapter_id)


def of(session: Session, backend_ids: Collection[str]) -> Sequence[ServedAdapter]:
    """Every load of these backends, the oldest first."""
    query = select(ServedAdapter).where(col(ServedAdapter.backend_id).in_(set(backend_ids)))
    return session.exec(query.order_by(col(ServedAdapter.created_at), col(ServedAdapter.id))).all()


def current(session: Session, backend_id: str) -> dict[str, ServedAdapter]:
    """Subject -> the load that answers for it, or that has failed to; what drains or is on its way is left out."""
    settled = (AdapterStatus.LOADED, AdapterStatus.FAILED)
    return {row.subject: row for row in of(session, [backend_id]) if row.status in settled}


def unsettled(session: Session) -> Sequence[str]:
    """Loads that are on their way in or out, and those whose backend has ended."""
    moving = col(ServedAdapter.status).in_((AdapterStatus.LOADING, AdapterStatus.DRAINING))
    ended = col(Backend.status).not_in(SERVING_KEPT)
    query = select(ServedAdapter.id).join(Backend, col(ServedAdapter.backend_id) == Backend.id)
    return session.exec(query.where(or_(moving, ended))).all()
