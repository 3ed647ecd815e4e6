"""Brings every backend to where it should be, once a second: start, wait until it answers, watch, restart, drain.

    queued -> starting -> ready -> draining -> stopped       a dead one goes back to queued, and after
       ^          \\________________|____________/          five deaths in a row to failed
       |_______ asleep <____________|                        (by draining) after minutes without a request

The process outlives the app, so everything here is read from the row and the folder; what a restart of the app would
lose (a probe under way) is only done again.
"""

import time
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import TunesmithError
from engine.process import attempts, devices, events, process, queue, rounds
from engine.process.answers import Answer, Answers
from engine.process.attempts import Seen, State
from engine.serve import abilities, adapters, idle, probe, routing, turns
from engine.serve.backend_plan import clear, devices_wanted, names, plan_backend, socket_path
from engine.serve.probe import Proof
from engine.serve.takeover import handover
from engine.serve.takeover.moves import fail, is_on_trial, next_attempt
from engine.serve.vllm import cause
from engine.serve.watching import outside_pulse, pulse
from storage import db, endpoints, home, moving
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from storage.transitions import move_backend

NOUN = "endpoints"
START_SECONDS = 600  # a large model is read from disk
OUTSIDE_SECONDS = 60  # an outside server that does not answer for so long is given up
STABLE_SECONDS = 60  # ready for so long, and earlier deaths are forgotten
MOST_DEATHS = 5
SETTLE_SECONDS = 2  # after a flip, some requests still come by the old route
DRAIN_SECONDS = 600  # the longest answer the gateway waits for: until then no stream is cut
STOP_SECONDS = 10  # somebody pressed Stop, and waits
KILL_SECONDS = 15  # for a shim that does not do its duty
HOPELESS = ("config", "data")  # failures that come again however often one tries

# By backend and attempt: whether it answers. Outside servers have places of their own, so that one which
# does not answer keeps no backend of the studio waiting.
_proofs: Answers[Proof] = Answers("proof", places=16, is_news=True)
_outside_proofs: Answers[Proof] = Answers("outside-proof", places=32, is_news=True)
_loads: Answers[int | None] = Answers("load")  # by backend: answers it is writing


def tick() -> None:
    """One look at every backend that holds a process, or waits for one."""
    rounds.each(NOUN, Backend, moving.backends, _act)


@queue.huey.task()
def begin(backend_id: str) -> None:
    """Starts a backend that was just asked for, if its device is free."""
    with db.reading() as session:
        backend = endpoints.backend(session, backend_id)
    if backend is not None and backend.status == EndpointStatus.QUEUED:
        _act(backend)


def _act(backend: Backend) -> None:
    try:
        _ACTS[backend.status](backend)
    except TunesmithError as error:
        if backend.kind != "external":
            process.kill(home.backend_folder(backend.id))  # such as a server that cannot load its adapters
        fail(backend, error.message, error.hint)


def _queued(backend: Backend) -> None:
    if backend.restarts and time.time() - backend.moved_at < 2 ** (backend.restarts - 1):
        return
    if not handover.is_prepared(backend):
        return
    if backend.kind == "external":
        with db.session() as session:
            move_backend(session, backend, EndpointStatus.QUEUED, EndpointStatus.STARTING)
        return
    machine = idle.places(backend, devices.on_this_machine())
    request = devices.DeviceRequest("backend", backend.id, exclusive=False, count=devices_wanted(backend))
    with db.reading() as session:
        endpoint = _endpoint(session, backend)
    served = names(endpoint, backend)
    with db.session() as session:
        device = devices.take(session, machine, request)
        values: dict[str, Any] = {"device": device, "served_names": served, "address": None}
        queued, starting = EndpointStatus.QUEUED, EndpointStatus.STARTING
        has_turn = device is not None and turns.is_free(session, backend, device)
        if not has_turn or not move_backend(session, backend, queued, starting, **values):
            session.rollback()
            return
        claimed = session.get_one(Backend, backend.id)
    _launch(endpoint, claimed)


def _launch(endpoint: Endpoint, backend: Backend) -> None:
    """Starts the process of this attempt, once."""
    folder, device = home.backend_folder(backend.id), str(backend.device)
    attempts.start(folder, backend.attempt, lambda: plan_backend(endpoint, backend, device))


def _endpoint(session: Session, backend: Backend) -> Endpoint:
    endpoint = endpoints.get(session, backend.endpoint_id)
    if endpoint is None:
        raise TunesmithError("The endpoint of this backend is gone.")
    return endpoint


def _starting(backend: Backend) -> None:
    if backend.kind == "external":
        _outside_starting(backend)
        return
    seen = attempts.look(home.backend_folder(backend.id), backend.attempt, backend.events_offset)
    is_late = time.time() - backend.moved_at > START_SECONDS
    if seen.state is State.NEW:
        with db.reading() as session:  # decided and not done yet: somebody is about to, or was killed before
            endpoint = _endpoint(session, backend)
        _launch(endpoint, backend)
    elif is_late or seen.state is State.ENDED:
        _restart_or_fail(backend, f"It did not answer in {START_SECONDS} seconds." if is_late else "")
    elif (address := _listening(backend, seen)) and _answers(backend, address) and handover.agrees(backend, address):
        _promote(backend, address)


def _outside_starting(backend: Backend) -> None:
    address, key_env = str(backend.address), backend.options.get("api_key_env")
    model = backend.options["model"]
    answer = _outside_proofs.to(_attempt(backend), lambda: probe.outside_answers(address, model, key_env))
    if _is_proof(backend, answer) and handover.agrees(backend, address):
        _promote(backend, address)
    elif backend.error and time.time() - backend.moved_at > OUTSIDE_SECONDS:  # without an error it was not asked yet
        fail(backend, f"{address} does not answer. {backend.error}", "Check the URL and the key.")


def _listening(backend: Backend, seen: Seen) -> str | None:
    """The address once the process has said Ready. vLLM says nothing: its socket is there when it listens."""
    if backend.kind == "vllm":
        socket = socket_path(backend.id)
        return f"unix:{socket}" if Path(socket).exists() else None
    return next((event.address for event in seen.events if isinstance(event, events.Ready)), None)


def _answers(backend: Backend, address: str) -> bool:
    """Whether the server has its adapters and has proved that it works. Asked in another thread: it takes seconds."""
    return _is_proof(backend, _proofs.to(_attempt(backend), lambda: _proof(backend, address)))


def _proof(backend: Backend, address: str) -> Proof:
    idle.wake_server(backend, address)
    return adapters.bring_up(backend, address)


def _attempt(backend: Backend) -> str:
    return f"{backend.id} {backend.attempt}"


def _is_proof(backend: Backend, answer: Answer[Proof] | None) -> bool:
    """Whether it has answered, and well. What it does, or what is wrong, is kept with the backend."""
    if answer is None:
        return False
    proof = answer.value
    outcome = backend.outcome if proof.problem else abilities.kept(backend, proof.ability)
    if (proof.problem and proof.problem != backend.error) or outcome != backend.outcome:
        with db.session() as session:
            if (row := endpoints.backend(session, backend.id)) is not None:
                row.error, row.outcome = proof.problem or row.error, outcome
        backend.outcome = outcome
    return not proof.problem


def _promote(backend: Backend, address: str) -> None:
    """Ready; and if another backend was answering for the endpoint, this one takes over, or goes on trial."""
    with db.session() as session:
        values: dict[str, Any] = {"address": address, "ready_at": time.time(), "error": None, "hint": None}
        if not move_backend(session, backend, EndpointStatus.STARTING, EndpointStatus.READY, **values):
            return
        handover.begin(session, _endpoint(session, backend), session.get_one(Backend, backend.id))
    routing.forget()


def _ready(backend: Backend) -> None:
    if backend.kind == "external":
        outside_pulse.look(backend)
        if is_on_trial(backend):
            handover.end_trial_when_due(backend)
    elif attempts.state_of(home.backend_folder(backend.id), backend.attempt) is not State.LIVING:
        _restart_or_fail(backend)
    elif silent := pulse.problem(backend):
        _restart_or_fail(backend, silent)
    elif backend.restarts and time.time() - (backend.ready_at or 0) > STABLE_SECONDS:
        with db.session() as session:
            if (row := endpoints.backend(session, backend.id)) is not None:
                row.restarts = 0
    elif is_on_trial(backend):
        handover.end_trial_when_due(backend)
    else:
        idle.look(backend)


def _draining(backend: Backend) -> None:
    folder = home.backend_folder(backend.id)
    if backend.kind == "external" or not process.alive(folder):
        _stopped(backend)
    elif time.time() - backend.moved_at > DRAIN_SECONDS + KILL_SECONDS:
        process.kill(folder)
    elif _may_end(backend, endpoint := _endpoint_of(backend)) and not idle.sleeps_in_place(endpoint, backend):
        process.terminate(folder)  # again every second: the shim minds only the first


def _endpoint_of(backend: Backend) -> Endpoint | None:
    with db.reading() as session:
        return endpoints.get(session, backend.endpoint_id)


def _may_end(backend: Backend, endpoint: Endpoint | None) -> bool:
    """Whether nobody waits for an answer any more, or has waited long enough."""
    if backend.ready_at is None or backend.address is None:
        return True
    drained_for = time.time() - backend.moved_at
    limit = STOP_SECONDS if endpoint is None or endpoint.stopped_at else DRAIN_SECONDS
    return drained_for > limit or (drained_for > SETTLE_SECONDS and _is_idle(backend.id, backend.address))


def _is_idle(backend_id: str, address: str) -> bool:
    """Whether the server has said that it is writing no answer."""
    answer = _loads.to(backend_id, lambda: probe.in_flight(address))
    return answer is not None and answer.value == 0


def _stopped(backend: Backend) -> None:
    if backend.kind != "external":
        process.kill(home.backend_folder(backend.id))  # sweeps what a killed shim has left behind
    _remove_socket(backend)
    again = next_attempt(backend)
    with db.session() as session:
        after = idle.after_end(endpoints.get(session, backend.endpoint_id), backend)
        values: dict[str, Any] = {"ended_at": time.time(), "error": None, "hint": None}
        if after is not EndpointStatus.STOPPED:
            values |= {**again, "restarts": 0}
        move_backend(session, backend, EndpointStatus.DRAINING, after, **values)
        devices.give_back(session, backend.id)
    routing.forget()


def _restart_or_fail(backend: Backend, reason: str = "") -> None:
    """A dead backend is started again, later each time; not when it has said that this would be no use."""
    folder = home.backend_folder(backend.id)
    process.kill(folder)
    _remove_socket(backend)
    new_events, _offset = events.read(folder, backend.events_offset)
    failure = next((event for event in reversed(new_events) if isinstance(event, events.Failed)), None)
    hung = bool(reason) and backend.status == EndpointStatus.READY  # then its log tells of something else
    if backend.kind == "vllm" and not hung:  # it writes no events: its log says why
        failure = cause.failure(folder, backend.attempt, reason)
    words = failure.message if failure else reason or _last_words(folder)
    hint = failure.hint if failure else "The full log is in output.log of the backend's folder."
    if (failure and failure.category in HOPELESS) or backend.restarts >= MOST_DEATHS or is_on_trial(backend):
        fail(backend, words, hint)  # a death on trial sends it back: the version before answers
        return
    values: dict[str, Any] = {**next_attempt(backend), "restarts": backend.restarts + 1, "error": words, "hint": hint}
    with db.session() as session:
        move_backend(session, backend, backend.status, EndpointStatus.QUEUED, words[:200], **values)
        devices.give_back(session, backend.id)
    routing.forget()


def _last_words(folder: Path) -> str:
    lines = attempts.last_words(folder, 5).strip()
    return f"Its process ended unexpectedly. {lines}".strip()[:2000]


def _remove_socket(backend: Backend) -> None:
    if backend.kind != "external":
        clear(backend.id)


_ACTS = {
    EndpointStatus.QUEUED: _queued,
    EndpointStatus.STARTING: _starting,
    EndpointStatus.READY: _ready,
    EndpointStatus.DRAINING: _draining,
}
