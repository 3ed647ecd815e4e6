"""Sleep and wake of an endpoint, asked for by a person, or by a request that finds it asleep."""

import time

from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.process import queue
from engine.serve import backends, idle, routing
from storage import db, endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from storage.transitions import move_backend

LEAST_MINUTES, MOST_MINUTES = 1.0, 10_080.0  # a minute to a week


def set_idle_minutes(endpoint_id: str, minutes: float | None) -> Endpoint:
    """Has an endpoint sleep after so many minutes without a request; None: never. Raises RefusedError."""
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        active = endpoints.backend(session, endpoint.active_backend_id)
        if minutes is not None:
            _refuse_outside(endpoint, active)
        endpoint.idle_minutes = checked_minutes(minutes)
        if active is not None:
            idle.count_from_now(active)
    routing.forget()
    return endpoint


def checked_minutes(minutes: float | None) -> float | None:
    """The same. Raises RefusedError for what is too short or too long."""
    if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        message = f"`idle_minutes` is {minutes:g}: it must be from {LEAST_MINUTES:g} to {MOST_MINUTES:,.0f}."
        raise RefusedError(message, "Leave it out, and the endpoint never sleeps.")
    return minutes


def _refuse_outside(endpoint: Endpoint, active: Backend | None) -> None:
    if active is not None:
        refuse_outside(endpoint.name, active.kind)


def refuse_outside(name: str, kind: str) -> None:
    """Raises RefusedError for a kind of backend that cannot sleep."""
    if kind == "external":
        message = f"Endpoint `{name}` cannot sleep: an outside server answers for it."
        raise RefusedError(message, "It takes no memory here. Stop it if it is not to answer.")


def sleep(endpoint_id: str) -> Endpoint:
    """Sends an endpoint to sleep: answers in flight are finished, then its memory is free. The next request wakes it.

    Nothing happens to one that sleeps. Raises ConflictError while it does not answer, or a deployment is under way.
    """
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        active = endpoints.backend(session, endpoint.active_backend_id)
        _refuse_outside(endpoint, active)
        if endpoint.asleep_at is not None:
            return endpoint
        under_way = [
            row
            for row in endpoints.backends(session, endpoint_id)
            if row.id != endpoint.active_backend_id and row.status in _UNDER_WAY
        ]
        if under_way:
            hint = "Wait until it has ended, or roll back."
            raise ConflictError(f"A deployment of endpoint `{endpoint.name}` is under way.", hint)
        if active is None or not idle.begin(session, endpoint, active, "sent to sleep by a person"):
            status = active.status if active else EndpointStatus.STOPPED
            raise ConflictError(
                f"Endpoint `{endpoint.name}` is {status}, so it cannot sleep.", "Wait until it is ready."
            )
    routing.forget()
    return endpoint


_UNDER_WAY = (EndpointStatus.QUEUED, EndpointStatus.STARTING, EndpointStatus.READY)


def wake(endpoint_id: str) -> Endpoint:
    """Wakes an endpoint; requests wait until it answers. Nothing happens to one that is awake.

    Raises ConflictError for one that was stopped.
    """
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        active = endpoints.backend(session, endpoint.active_backend_id)
        if endpoint.stopped_at is not None or active is None:
            raise ConflictError(f"Endpoint `{endpoint.name}` was stopped.", "Start it again.")
        if endpoint.asleep_at is None:
            return endpoint
        endpoint.asleep_at, endpoint.waits_since = None, time.time()
        idle.count_from_now(active)
        values = {"restarts": 0, "error": None, "hint": None, "ended_at": None}
        move_backend(session, active, EndpointStatus.ASLEEP, EndpointStatus.QUEUED, "woken", **values)
    routing.forget()
    queue.ring(backends.begin, active.id)
    return endpoint
