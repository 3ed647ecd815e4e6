"""Endpoints and the backends behind them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import case, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage.statuses import SERVING_KEPT, SERVING_MOVING, EndpointStatus
from storage.tables import Backend, Endpoint

# Asked for every second by the gateway and every few by pages: to build it takes as long as to ask it.
_ROUTES = (
    select(Endpoint, Backend)
    .where(col(Endpoint.active_backend_id) == Backend.id, col(Backend.status) == EndpointStatus.READY)
    .order_by(col(Endpoint.created_at))
)


def get(session: Session, endpoint_id: str) -> Endpoint | None:
    return session.get(Endpoint, endpoint_id)


def backend(session: Session, backend_id: str | None) -> Backend | None:
    return session.get(Backend, backend_id) if backend_id else None


def recent(
    session: Session,
    project_id: str | None = None,
    limit: int | None = None,
    offset: int = 0,
    words: Sequence[str] = (),
) -> Sequence[Endpoint]:
    """The newest first; only those with every word in their names."""
    query = select(Endpoint).order_by(col(Endpoint.created_at).desc()).offset(offset).limit(limit)
    query = query.where(*(col(Endpoint.name).icontains(word, autoescape=True) for word in words))
    return session.exec(query.where(Endpoint.project_id == project_id) if project_id else query).all()


def count(session: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Endpoint)
    return session.scalar(query.where(col(Endpoint.project_id) == project_id) if project_id else query) or 0


def running_first(session: Session, project_id: str, limit: int, offset: int = 0) -> Sequence[Endpoint]:
    """A project's endpoints: those that answer or will, then the others; of each kind the newest first."""
    alive_first = case((col(Backend.status).in_(SERVING_KEPT), 0), else_=1)
    query = select(Endpoint).outerjoin(Backend, col(Endpoint.active_backend_id) == Backend.id)
    query = query.where(Endpoint.project_id == project_id).order_by(alive_first, col(Endpoint.created_at).desc())
    return session.exec(query.offset(offset).limit(limit)).all()


def current_backends(session: Session, endpoint_ids: Iterable[str]) -> dict[str, list[Backend]]:
    """Endpoint id -> its active backend and those that were deployed after it, the newest first."""
    active = aliased(Backend)
    query = select(Backend).join(Endpoint, col(Backend.endpoint_id) == Endpoint.id)
    query = query.outerjoin(active, col(Endpoint.active_backend_id) == active.id)
    late = or_(col(active.id).is_(None), col(Backend.created_at) >= active.created_at)
    query = query.where(col(Endpoint.id).in_(set(endpoint_ids)), late).order_by(col(Backend.created_at).desc())
    backends_by_endpoint: dict[str, list[Backend]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
    for backend in session.exec(query):
        backends_by_endpoint[backend.endpoint_id].append(backend)
    return backends_by_endpoint


def backends(session: Session, endpoint_id: str) -> Sequence[Backend]:
    """Every backend the endpoint has had, newest first."""
    query = select(Backend).where(Backend.endpoint_id == endpoint_id)
    return session.exec(query.order_by(col(Backend.created_at).desc())).all()


def moving(session: Session) -> Sequence[Backend]:
    """Backends that hold a process, or wait for one."""
    return session.exec(select(Backend).where(col(Backend.status).in_(SERVING_MOVING))).all()


def live_by_name(session: Session, name: str) -> Endpoint | None:
    return session.exec(select(Endpoint).where(Endpoint.name == name, col(Endpoint.stopped_at).is_(None))).first()


def named(session: Session, name: str) -> Sequence[Endpoint]:
    """Every endpoint of that name, stopped ones too."""
    return session.exec(select(Endpoint).where(Endpoint.name == name)).all()


def routes(session: Session) -> Sequence[tuple[Endpoint, Backend]]:
    """Every endpoint with the backend that answers for it now."""
    return session.exec(_ROUTES).all()


def live(session: Session) -> Sequence[tuple[Endpoint, Backend]]:
    """Every endpoint that was not stopped, with the backend that answers for it, or will."""
    query = select(Endpoint, Backend).where(
        col(Endpoint.active_backend_id) == Backend.id, col(Endpoint.stopped_at).is_(None)
    )
    return session.exec(query.order_by(col(Endpoint.created_at))).all()


def kept(session: Session, statuses: Iterable[EndpointStatus]) -> Sequence[tuple[Endpoint, Backend]]:
    """Every backend in one of these states, with its endpoint."""
    query = select(Endpoint, Backend).where(col(Backend.endpoint_id) == Endpoint.id)
    return session.exec(query.where(col(Backend.status).in_(list(statuses))).order_by(col(Endpoint.name))).all()


def switch_active(session: Session, endpoint_id: str, before: str | None, after: str) -> bool:
    """Makes `after` the active backend if `before` still is, and says whether it did."""
    unchanged = (col(Endpoint.id) == endpoint_id, col(Endpoint.active_backend_id) == before)
    values = {"active_backend_id": after, "previous_backend_id": before}
    statement = update(Endpoint).where(*unchanged).values(**values).returning(col(Endpoint.id))
    return session.scalar(statement) is not None
