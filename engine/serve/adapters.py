"""Adapters hot: added to an endpoint and removed from it while it answers.

A new adapter may take over a name that is in use. It is loaded beside the old one, has to answer, and then the name
leads to it, in one transaction that fails if anybody else has moved the name meanwhile. The old one is let go when its
last answer is written. No client notices; answers never mix, as an answer stays with what it began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, RefusedError, TunesmithError
from engine.existing import existing
from engine.serve import adapter_files, adapter_folders, adapter_loads, adapter_names, probe, routing
from engine.serve.adapter_socket import ServerGoneError
from engine.serve.backend_plan import started_names
from engine.subjects.subject import Subject
from storage import db, endpoints, models, runs, served_adapters
from storage.statuses import AdapterStatus, EndpointStatus
from storage.tables import Backend, Endpoint, Run, ServedAdapter

Facts = dict[str, Any]


@dataclass(frozen=True)
class _Wish:
    """An adapter that somebody wants under a name, and which load had the name when they asked."""

    endpoint: Endpoint
    backend: Backend
    subject: str
    name: str | None
    before: str | None


def add(endpoint_id: str, run_id: str, step: int | None = None, name: str | None = None) -> Facts:
    """Loads the adapter of a run, or of one of its checkpoints, into an endpoint that answers.

    It answers to ENDPOINT:RUN or ENDPOINT:RUN@STEP, and takes over `name` if given: ALIAS, ENDPOINT:ALIAS, or the
    endpoint's own name. Raises NotFoundError, ConflictError, RefusedError; what answered before still does.
    """
    subject = adapter_names.subject(run_id, step)
    with db.reading() as session:
        wish = _wish(session, endpoint_id, subject, name)
    trained = adapter_files.look_up(subject)
    _refuse_unfit(wish, trained)
    row = adapter_loads.begin(wish.backend, subject, trained.folder)
    try:
        _flip(wish, row)
    except TunesmithError:
        if row.status == AdapterStatus.LOADING:  # otherwise it answered before
            adapter_loads.let_go(wish.backend, row)
        raise
    routing.forget()
    return _facts_of(endpoint_id, subject)


def _wish(session: Session, endpoint_id: str, subject: str, name: str | None) -> _Wish:
    endpoint = existing(session, Endpoint, endpoint_id)
    backend = _active(session, endpoint)
    if backend is None or backend.status != EndpointStatus.READY:
        status = backend.status if backend else EndpointStatus.STOPPED
        raise ConflictError(f"Endpoint `{endpoint.name}` is {status}.", "Adapters are added while it answers.")
    if backend.kind == "external":
        raise RefusedError(f"Endpoint `{endpoint.name}` is an API somewhere else.", "Adapters are loaded there.")
    if backend.kind == "llama":
        raise RefusedError(f"Endpoint `{endpoint.name}` serves a GGUF file.", "Serve the run itself to add adapters.")
    for other in endpoints.backends(session, endpoint_id):
        if other.id != backend.id and other.status in (EndpointStatus.QUEUED, EndpointStatus.STARTING):
            message = f"A new version of endpoint `{endpoint.name}` is starting."
            raise ConflictError(message, "Add the adapter when it has taken over.")
    given = adapter_names.short(endpoint.name, name)
    if given not in (None, endpoint.name, subject) and session.get(Run, given) is not None:
        raise RefusedError(f"`{given}` is the id of a run.", "Choose another name for the adapter.")
    adapter_names.added(endpoint.name, backend.adapters, subject, name)  # refuses a name that cannot be one
    return _Wish(endpoint, backend, subject, name, _behind(session, endpoint, backend, given or subject))


def _active(session: Session, endpoint: Endpoint) -> Backend | None:
    return endpoints.backend(session, endpoint.active_backend_id)


def _behind(session: Session, endpoint: Endpoint, backend: Backend, given: str) -> str | None:
    """What a name leads to now: the id of a load, or the subject of what was there from the start."""
    name = endpoint.name if given == endpoint.name else f"{endpoint.name}:{given}"
    subject = adapter_names.public(endpoint.name, backend.adapters).get(name)
    row = served_adapters.current(session, backend.id).get(subject or "")
    return row.id if row is not None else subject


def _refuse_unfit(wish: _Wish, trained: Subject) -> None:
    if trained.weights != "adapter":
        raise RefusedError(
            f"Run `{trained.run.name}` trained every weight: it left a whole model and no adapter.",
            "Deploy it, or start an endpoint for it.",
        )
    if trained.base.id != wish.backend.model_id:
        with db.reading() as session:
            base = models.get(session, wish.backend.model_id or "")
        served = base.name if base else str(wish.backend.model_id)
        raise RefusedError(
            f"Run `{trained.run.name}` was trained on `{trained.base.name}`, and endpoint `{wish.endpoint.name}` "
            f"serves `{served}`.",
            "An endpoint has one base. Start another endpoint for this run.",
        )


def _flip(wish: _Wish, row: ServedAdapter) -> None:
    """Makes the names lead to the new load, if the server is still that one and nobody has moved the name."""
    given = adapter_names.short(wish.endpoint.name, wish.name) or wish.subject
    with db.session() as session:
        backend = session.get(Backend, wish.backend.id, with_for_update=True)
        endpoint = session.get(Endpoint, wish.endpoint.id)
        if backend is None or endpoint is None or not _is_same(endpoint, backend, wish.backend):
            raise ConflictError(
                f"Endpoint `{wish.endpoint.name}` was started anew meanwhile.", "Add the adapter again."
            )
        adapter_names.refuse_lost_race(endpoint.name, given, wish.before, _behind(session, endpoint, backend, given))
        adapters = adapter_names.added(endpoint.name, backend.adapters, wish.subject, wish.name)
        stored = session.get_one(ServedAdapter, row.id)
        stored.status = AdapterStatus.LOADED
        _write(session, endpoint, backend, adapters, stored)


def _is_same(endpoint: Endpoint, backend: Backend, before: Backend) -> bool:
    is_active = endpoint.active_backend_id == backend.id and backend.status == EndpointStatus.READY
    return is_active and backend.attempt == before.attempt


def _write(
    session: Session, endpoint: Endpoint, backend: Backend, adapters: list[str], answering: ServedAdapter | None = None
) -> None:
    backend.adapters = adapters
    backend.served_names = list(adapter_names.public(endpoint.name, adapters))
    rows = list(served_adapters.of(session, [backend.id]))
    adapter_loads.retire_unnamed(backend, rows, answering)
    session.flush()


def remove(endpoint_id: str, name: str) -> None:
    """Takes an adapter out of an endpoint, by its run (RUN, RUN@STEP) or by a name that it was given.

    A name that was not its only one is all that goes. Where it had the endpoint's own name, the base answers to that
    from now on. Answers in flight are finished. Raises NotFoundError, ConflictError, RefusedError.
    """
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        backend = _active(session, endpoint)
        if backend is None:
            raise ConflictError(f"Endpoint `{endpoint.name}` serves nothing.", "Deploy something first.")
        adapters = adapter_names.removed(endpoint.name, backend.adapters, name)
        gone = set(adapter_names.subjects(backend.adapters)) - set(adapter_names.subjects(adapters))
        if backend.status == EndpointStatus.READY and gone - set(served_adapters.current(session, backend.id)):
            raise RefusedError(
                f"`{name:.80}` was loaded when the server of `{endpoint.name}` started, and stays until it ends.",
                "Deploy the endpoint without it.",
            )
        _write(session, endpoint, backend, adapters)
    routing.forget()


def bring_up(backend: Backend, address: str) -> probe.Proof:
    """Loads every adapter into a server that has just come up, and has it prove that it answers.

    A problem is one for now. Raises RefusedError at a first start for an adapter that cannot be loaded. After a
    restart such an adapter is marked, and the others answer.
    """
    backend = backend.model_copy(update={"address": address})
    with db.reading() as session:
        endpoint = existing(session, Endpoint, backend.endpoint_id)
        rows = served_adapters.current(session, backend.id)
    folders = adapter_folders.sources(backend)
    try:
        for subject, folder in folders.items():
            if adapter_files.is_adapter(folder):
                _bring(backend, subject, rows.get(subject))
    except ServerGoneError as error:
        return probe.Proof(error.message)
    _sweep(backend.id)
    return probe.answers(address, list(started_names(endpoint, backend, folders)))


def _bring(backend: Backend, subject: str, row: ServedAdapter | None) -> None:
    if row is not None and row.attempt == backend.attempt:
        return  # done at an earlier look
    try:
        if row is None:
            row = adapter_loads.begin(backend, subject, adapter_files.to_serve(subject).folder)
        else:
            row = adapter_loads.load_again(backend, row)
        _settle(row, AdapterStatus.LOADED, None)
    except ServerGoneError:
        raise
    except (TunesmithError, OSError) as error:
        if backend.ready_at is None or row is None:
            raise RefusedError(str(error)) from error
        _settle(row, AdapterStatus.FAILED, str(error))


def _settle(row: ServedAdapter, status: AdapterStatus, error: str | None) -> None:
    with db.session() as session:
        if (stored := served_adapters.get(session, row.id)) is not None:
            stored.status, stored.error, stored.attempt = status, error, row.attempt


def _sweep(backend_id: str) -> None:
    """What was taken out of the list while it was being loaded."""
    with db.session() as session:
        if (backend := endpoints.backend(session, backend_id)) is not None:
            adapter_loads.retire_unnamed(backend, list(served_adapters.of(session, [backend_id])))


def listed(endpoint_id: str) -> list[Facts]:
    """The adapters of an endpoint: where each is on its way, its names, memory and load time."""
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        backend = _active(session, endpoint)
    return described([(endpoint, backend)])[endpoint_id] if backend else []


def described(pairs: Sequence[tuple[Endpoint, Backend]]) -> dict[str, list[Facts]]:
    """Endpoint id -> its adapters, for several endpoints by two queries."""
    with db.reading() as session:
        rows = served_adapters.of(session, [backend.id for _, backend in pairs])
        ids = {run_id for _, backend in pairs if backend.kind != "external" for run_id in _run_ids(backend, rows)}
        run_names = runs.names(session, ids)
    return {
        endpoint.id: _adapters_of(endpoint, backend, [row for row in rows if row.backend_id == backend.id], run_names)
        for endpoint, backend in pairs
    }


def _run_ids(backend: Backend, rows: Sequence[ServedAdapter]) -> list[str]:
    return [*adapter_names.run_ids(backend.adapters), *(row.subject.partition("@")[0] for row in rows)]


def _adapters_of(
    endpoint: Endpoint, backend: Backend, rows: Sequence[ServedAdapter], run_names: dict[str, str]
) -> list[Facts]:
    answering = {row.subject: row for row in rows if row.status in (AdapterStatus.LOADED, AdapterStatus.FAILED)}
    subjects = adapter_names.subjects(backend.adapters)
    moving = [row for row in rows if row.status in (AdapterStatus.LOADING, AdapterStatus.DRAINING)]
    listed_facts = [_facts(endpoint, backend, subject, answering.get(subject), run_names) for subject in subjects]
    return listed_facts + [_facts(endpoint, None, row.subject, row, run_names) for row in moving]


def _facts(
    endpoint: Endpoint, backend: Backend | None, subject: str, row: ServedAdapter | None, run_names: dict[str, str]
) -> Facts:
    run_id, _, step = subject.partition("@")
    names = adapter_names.names_of(endpoint.name, backend.adapters, subject) if backend else []
    started = "loaded" if backend and backend.status == EndpointStatus.READY else "waiting"
    fields = ("rank", "size_bytes", "load_seconds", "error", "internal_name")
    return {
        "subject": subject,
        "run_id": run_id,
        "run_name": run_names.get(run_id, run_id),
        "step": int(step) if step else None,
        "names": names,
        "status": row.status.value if row is not None else started,
        **{field: getattr(row, field) if row is not None else None for field in fields},
    }


def _facts_of(endpoint_id: str, subject: str) -> Facts:
    return next(facts for facts in listed(endpoint_id) if facts["subject"] == subject)
