"""A deployment as it enters the database: what it replaces, and what it takes over from the one that answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from engine.serve.rollout.asked import Rollout
from engine.serve.takeover import moves
from storage import endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

_ANSWERS = (EndpointStatus.QUEUED, EndpointStatus.STARTING, EndpointStatus.READY)  # or will, without being asked


@dataclass(frozen=True)
class Wanted:
    """What is to be served. What is None is as it is now."""

    kind: str | None = None
    model_id: str | None = None
    adapters: Sequence[str] | None = None
    options: dict[str, Any] | None = None


def as_now(deployed: Wanted, active: Backend | None) -> Wanted:
    """The same with what was left out: the kind with its options; base and adapters where neither is named."""
    names_model = deployed.model_id is not None or deployed.adapters is not None
    if active is None or (deployed.kind is None and active.kind in ("external", "llama") and names_model):
        return Wanted(deployed.kind or "transformers", deployed.model_id, deployed.adapters or (), deployed.options)
    kind = deployed.kind or active.kind
    options = active.options if deployed.options is None and kind == active.kind else deployed.options
    if names_model or kind == "external":
        return Wanted(kind, deployed.model_id, deployed.adapters or (), options)
    return Wanted(kind, active.model_id, active.adapters, options)


def enter(session: Session, endpoint: Endpoint, backend: Backend, asked: Rollout, way: str) -> None:
    """Adds a backend, and gives up every deployment that is still on its way."""
    active = endpoints.backend(session, endpoint.active_backend_id)
    for other in endpoints.backends(session, endpoint.id):
        if other.id != endpoint.active_backend_id:
            other.outcome = moves.ended_trial(other, "back", "A newer deployment came.")
            session.flush()
            moves.retire(session, other, "a newer deployment")
    endpoint.canary_backend_id = None
    replaces = active is not None and active.status in _ANSWERS
    backend.rollout = {**asked.model_dump(exclude_defaults=True), "way": way if replaces else "beside"}
    if active is not None and backend.rollout["way"] == "replace":
        backend.rollout |= {"blue": _proven(active), "previous": endpoint.previous_backend_id}
    session.add(backend)
    if not replaces:
        _take_the_place(session, endpoint, active, backend)
    endpoint.stopped_at = endpoint.asleep_at = None


def _proven(active: Backend) -> str | None:
    """The backend that has answered: the active one, or what had to make room for it while it still starts."""
    return active.id if active.ready_at else active.rollout.get("blue", active.id)


def _take_the_place(session: Session, endpoint: Endpoint, active: Backend | None, backend: Backend) -> None:
    """Nothing answers, so nothing is to be waited for. Where the endpoint slept, requests wait as they would have."""
    endpoint.waits_since = time.time() if endpoint.asleep_at is not None and endpoint.stopped_at is None else None
    endpoint.active_backend_id = backend.id
    if active is None:
        return
    if not alike(active, backend):
        endpoint.previous_backend_id = active.id
    if active.status == EndpointStatus.ASLEEP:
        moves.retire(session, active, "another backend takes its place")


def alike(backend: Backend, other: Backend) -> bool:
    """Whether both serve the same."""
    return all(
        getattr(backend, field) == getattr(other, field) for field in ("kind", "model_id", "adapters", "options")
    )
