"""Moves of a backend that several parts make: sent to its end, given up, made ready for another attempt."""

import time
from typing import Any

from sqlmodel import Session

from engine.process import devices, events
from engine.serve import routing
from storage import db, endpoints, home
from storage.statuses import SERVING_MOVING, EndpointStatus
from storage.tables import Backend, Endpoint
from storage.transitions import move_backend


def retire(session: Session, backend: Backend, reason: str) -> None:
    """Sends a backend to its end, from wherever it is: at once when it holds no process, by draining otherwise."""
    match backend.status:
        case EndpointStatus.QUEUED:
            move_backend(session, backend, backend.status, EndpointStatus.STOPPED, reason, ended_at=time.time())
            devices.give_back(session, backend.id)
        case EndpointStatus.STARTING | EndpointStatus.READY | EndpointStatus.ASLEEP:
            move_backend(session, backend, backend.status, EndpointStatus.DRAINING, reason)


def fail(backend: Backend, message: str, hint: str = "") -> None:
    """Gives a backend up. A green one takes nothing with it: the blue one still answers, or is started again."""
    again = _replaced(backend)
    values: dict[str, Any] = {"error": message, "hint": hint, "ended_at": time.time()}
    with db.session() as session:
        row = endpoints.backend(session, backend.id)
        if row is not None and row.status in SERVING_MOVING:
            values["outcome"] = ended_trial(row, "back", message)
            move_backend(session, row, row.status, EndpointStatus.FAILED, message[:200], **values)
            _without(session, row, again)
        devices.give_back(session, backend.id)
    routing.forget()


def _without(session: Session, failed: Backend, again: tuple[Backend, dict[str, Any]] | None) -> None:
    """The endpoint after a failure: no trial, and what had to make room for the failed backend is started again."""
    endpoint = endpoints.get(session, failed.endpoint_id)
    if endpoint is None:
        return
    end_trial(endpoint, failed.id)
    if endpoint.active_backend_id != failed.id:
        return
    if again is not None and endpoint.stopped_at is None:
        blue, values = again
        endpoint.active_backend_id = blue.id
        endpoint.previous_backend_id = failed.rollout.get("previous")
        move_backend(session, blue, EndpointStatus.STOPPED, EndpointStatus.QUEUED, "the next one failed", **values)
    else:
        endpoint.waits_since = None


def _replaced(backend: Backend) -> tuple[Backend, dict[str, Any]] | None:
    """The backend that made room for this one, with what another attempt of it begins with."""
    if backend.rollout.get("way") != "replace":
        return None
    with db.reading() as session:
        blue = endpoints.backend(session, backend.rollout.get("blue"))
    return None if blue is None else (blue, {**next_attempt(blue), "restarts": 0, "ended_at": None, "error": None})


def next_attempt(backend: Backend) -> dict[str, Any]:
    """What changes in the row before another attempt: what the last one said is passed over."""
    _events, offset = events.read(home.backend_folder(backend.id), backend.events_offset)
    return {"attempt": backend.attempt + 1, "events_offset": offset, "address": None}


def is_on_trial(backend: Backend) -> bool:
    """Whether it answers a share of the requests, and nothing is decided yet."""
    return bool(backend.outcome.get("canary", {}).get("word") == "on")


def ended_trial(backend: Backend, word: str, reason: str) -> dict[str, Any]:
    """The backend's outcome with the end of its trial; as it is when there is no trial."""
    if not is_on_trial(backend):
        return backend.outcome
    ended = {"word": word, "reason": reason[:500], "ended_at": time.time()}
    return {**backend.outcome, "canary": {**backend.outcome["canary"], **ended}}


def end_trial(endpoint: Endpoint, backend_id: str) -> None:
    """The backend gets no share of the requests any more."""
    if endpoint.canary_backend_id == backend_id:
        endpoint.canary_backend_id = None
