"""Sleep of an endpoint that nobody asks: when it is due, and how its process goes.

The process is ended and its memory is free; vLLM with `enable_sleep_mode` (on CUDA alone) keeps its process and gives
the GPU's memory back. Who wakes it is `engine.serve.waking.sleeping`.
"""

import time
from typing import Any

import httpx
from sqlmodel import Session

from engine.process import devices, logs, process
from engine.process.answers import Answers
from engine.serve import probe
from storage import db, endpoints, home
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from storage.transitions import move_backend

SAVE_SECONDS = 5.0
SLEEP_SECONDS = 60  # vLLM moves the weights out of the GPU's memory, or back

_IDLE_FROM = "idle_from"  # in a backend's outcome
_used: dict[str, float] = {}  # endpoint -> its last request in this process, not saved yet
_loads: Answers[int | None] = Answers("idle")  # by backend: answers it is writing
_sleeps: Answers[bool] = Answers("sleep")  # by backend: whether it has gone to sleep


def used(endpoint: Endpoint) -> None:
    """A request came for an endpoint."""
    _used[endpoint.id] = time.time()


def save() -> None:
    """Writes down when endpoints were used last. Each process of the studio does so for its own requests."""
    for endpoint_id in list(_used):
        at = _used.pop(endpoint_id, 0.0)
        with logs.kept_going("endpoints", endpoint_id), db.session() as session:
            endpoint = endpoints.get(session, endpoint_id)
            if endpoint is not None:
                endpoint.last_used_at = max(at, endpoint.last_used_at or 0.0)


def is_due(endpoint: Endpoint, backend: Backend, now: float) -> bool:
    """Whether nobody has asked for so long that the endpoint is to sleep."""
    if not endpoint.idle_minutes or endpoint.canary_backend_id is not None or endpoint.active_backend_id != backend.id:
        return False
    return unasked_seconds(endpoint, backend, now) > endpoint.idle_minutes * 60


def unasked_seconds(endpoint: Endpoint, backend: Backend, now: float | None = None) -> float:
    """How long nobody has asked, since it answers, was woken, or got other minutes until it sleeps."""
    now = time.time() if now is None else now
    began: float = max(backend.ready_at or now, backend.outcome.get(_IDLE_FROM, 0.0))
    return now - max(began, last_used(endpoint) or 0.0)


def last_used(endpoint: Endpoint) -> float | None:
    """When a request came for it last; None: not yet."""
    return max(endpoint.last_used_at or 0.0, _used.get(endpoint.id, 0.0)) or None


def count_from_now(backend: Backend) -> None:
    """The time without a request begins anew, though none has come."""
    backend.outcome = {**backend.outcome, _IDLE_FROM: time.time()}


def look(backend: Backend) -> None:
    """Sends a backend to sleep when that is due and it is writing no answer. Asked every second."""
    with db.reading() as session:
        endpoint = endpoints.get(session, backend.endpoint_id)
    if endpoint is None or not is_due(endpoint, backend, time.time()):
        return
    load = _loads.to(backend.id, lambda: probe.in_flight(str(backend.address)))
    if load is None or load.value != 0:
        return
    with db.session() as session:
        row = endpoints.get(session, backend.endpoint_id)
        if row is not None and row.stopped_at is None and is_due(row, backend, time.time()):
            begin(session, row, backend, f"no request for {row.idle_minutes:g} minutes")


def begin(session: Session, endpoint: Endpoint, backend: Backend, reason: str) -> bool:
    """Sends a ready backend to sleep, by draining; says whether it was ready."""
    if not move_backend(session, backend, EndpointStatus.READY, EndpointStatus.DRAINING, reason):
        return False
    endpoint.asleep_at, endpoint.waits_since = time.time(), None
    return True


def after_end(endpoint: Endpoint | None, backend: Backend) -> EndpointStatus:
    """What a backend is whose process has ended in order.

    Stopped, mostly. The one that answers for an endpoint in use has gone to sleep; or it is wanted again already.
    """
    if endpoint is None or endpoint.stopped_at is not None or endpoint.active_backend_id != backend.id:
        return EndpointStatus.STOPPED
    return EndpointStatus.QUEUED if endpoint.asleep_at is None else EndpointStatus.ASLEEP


def keeps_process(backend: Backend) -> bool:
    """Whether it sleeps without ending: vLLM's own sleep, which is there on CUDA and where it was switched on."""
    is_on_gpu = (backend.device or devices.CPU) != devices.CPU
    return backend.kind == "vllm" and is_on_gpu and bool(backend.options.get("enable_sleep_mode"))


def sleeps_in_place(endpoint: Endpoint | None, backend: Backend) -> bool:
    """Whether a drained backend goes to sleep with its process; False when its process is to be ended."""
    if after_end(endpoint, backend) is not EndpointStatus.ASLEEP or not keeps_process(backend):
        return False
    slept = _sleeps.to(backend.id, lambda: _post(str(backend.address), "sleep?level=1"))
    if slept is None:
        return True
    if not slept.value:
        return False
    with db.session() as session:
        moved = move_backend(session, backend, EndpointStatus.DRAINING, EndpointStatus.ASLEEP, "vLLM sleeps")
        devices.give_back(session, backend.id)
    return moved


def wake_server(backend: Backend, address: str) -> None:
    """Wakes a vLLM that sleeps; nothing happens to one that does not. Takes seconds, so for a thread of its own."""
    if keeps_process(backend) and _is_sleeping(address):
        _post(address, "wake_up")


def _is_sleeping(address: str) -> bool:
    try:
        with probe.open_client(address, timeout=SLEEP_SECONDS) as client:
            return bool(client.get("http://backend/is_sleeping").json()["is_sleeping"])
    except (httpx.HTTPError, LookupError, TypeError, ValueError):
        return False


def _post(address: str, path: str) -> bool:
    """Asks vLLM for something beside /v1; says whether it did it."""
    try:
        with probe.open_client(address, timeout=SLEEP_SECONDS) as client:
            return client.post(f"http://backend/{path}").is_success
    except httpx.HTTPError:
        return False


def places(backend: Backend, named: tuple[str, ...]) -> tuple[str, ...]:
    """The devices a backend may be given: a process that only slept is still on its own."""
    sleeps = backend.device is not None and keeps_process(backend) and process.alive(home.backend_folder(backend.id))
    return (str(backend.device),) if sleeps else named


def facts(endpoint: Endpoint) -> dict[str, Any]:
    """What there is to say about an endpoint's sleep."""
    return {"idle_minutes": endpoint.idle_minutes, "asleep_at": endpoint.asleep_at}
