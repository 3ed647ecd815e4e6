"""Endpoints: a name on /v1, and the backend that answers for it.

What is asked here only writes rows; `tick` (the reconciler calls it every second) does the rest, so an endpoint comes
up, restarts and stops the same way whoever asked, and whether or not the app was restarted meanwhile.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.process import devices, process, queue, trash, work
from engine.recipes import recipe
from engine.serve import abilities, adapter_files, adapter_names, backends, gguf, outside, probe, routing
from engine.serve import adapters as hot
from engine.serve.backend_plan import clear, options_of, ready_model, refuse_start
from engine.serve.rollout import room
from engine.serve.rollout.asked import Rollout
from engine.serve.rollout.room import Room
from engine.serve.routing import Upstream, served_models, upstream
from engine.serve.takeover import deployment, handover
from engine.serve.takeover.deployment import Wanted
from engine.serve.takeover.moves import ended_trial, retire
from engine.serve.vllm import command
from engine.serve.waking import facts, sleeping
from engine.subjects import free_names
from storage import db, endpoints, home, models
from storage.statuses import SERVING_MOVING, EndpointStatus
from storage.tables import DEFAULT_PROJECT, Backend, Endpoint, Project, Run

Kind = Literal["transformers", "vllm", "llama", "external"]

__all__ = ["Upstream", "served_models", "upstream"]


class ExternalOptions(BaseModel):
    """An OpenAI-compatible API that runs somewhere else: TGI, Ollama, llama.cpp, a cloud."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=500, description="Base of its API, such as http://127.0.0.1:11434/v1.")
    model: str = Field(min_length=1, max_length=200, description="What the model is called there.")
    api_key_env: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]{0,60}_API_KEY$",
        description="Environment variable with its key; the name ends in _API_KEY. The key itself is never stored.",
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return outside.checked_url(url)


def create_endpoint(
    name: str,
    kind: str = "transformers",
    model_id: str | None = None,
    adapters: Sequence[str] = (),
    options: dict[str, Any] | None = None,
    project_id: str = DEFAULT_PROJECT,
) -> Endpoint:
    """A new endpoint, on its way up. `adapters` are runs and checkpoints, as engine.serve.adapter_names writes them.

    `sleeping.set_idle_minutes` has it sleep when nobody asks. Raises RefusedError, ConflictError."""
    endpoint = Endpoint(project_id=project_id, name=names.in_address(name, "endpoint"))
    return bring_up(endpoint, new_backend(kind, model_id, adapters, options))


def bring_up(endpoint: Endpoint, backend: Backend) -> Endpoint:
    """Saves a new endpoint with its first backend, and starts that. Raises RefusedError or ConflictError."""
    refuse_start(backend)
    backend.endpoint_id = endpoint.id
    endpoint.active_backend_id = backend.id
    with db.session() as session:
        existing(session, Project, endpoint.project_id)
        _refuse_taken(session, endpoint.name)
        session.add(endpoint)
        session.flush()
        session.add(backend)
    routing.forget()
    queue.ring(backends.begin, backend.id)
    return endpoint


def _refuse_taken(session: Session, name: str) -> None:
    if endpoints.live_by_name(session, name) is not None:
        raise ConflictError(f"There is an endpoint `{name}` already.", "Choose another name, or stop that one.")


def new_backend(kind: str, model_id: str | None, adapters: Sequence[str], options: dict[str, Any] | None) -> Backend:
    """A backend's row, not saved yet. Raises RefusedError for what cannot be served."""
    if kind not in get_args(Kind):
        raise RefusedError(f"There is no backend `{kind[:40]}`.", f"There are: {', '.join(get_args(Kind))}.")
    if kind == "external":
        return _external_backend(options or {}, model_id, adapters)
    if kind == gguf.KIND:
        return gguf.backend(options_of(kind, options or {}), adapters)
    served = adapter_names.written(adapter_names.entries(adapters))
    trained = [adapter_files.to_serve(subject, kind) for subject in adapter_names.subjects(served)]
    model_id = model_id or next((adapter.run.model_id for adapter in trained), None)
    with db.reading() as session:
        model = ready_model(models.get(session, model_id or ""), model_id)
    for adapter in trained:
        if adapter.run.model_id != model.id:
            raise RefusedError(
                f"Run `{adapter.run.name}` was trained on another model.", f"Serve {adapter.run.id} with its own base."
            )
    if kind == "vllm":
        command.python()
    checked_options = options_of(kind, options or {})
    return Backend(endpoint_id="", kind=kind, model_id=model.id, adapters=served, options=checked_options)


def _external_backend(options: dict[str, Any], model_id: str | None, adapters: Sequence[str]) -> Backend:
    if model_id or adapters:
        raise RefusedError("An external endpoint takes no model or adapters of the studio.", "Leave them out.")
    try:
        external = ExternalOptions.model_validate(options)
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "option", ExternalOptions.model_fields))
        raise RefusedError("The options of this external endpoint are wrong.", hint) from error
    probe.key_headers(external.api_key_env)
    values = external.model_dump(exclude_none=True)
    return Backend(endpoint_id="", kind="external", options=values, address=external.url, served_names=[external.model])


def serve_run(subject: str) -> Endpoint:
    """An endpoint for RUN or RUN@STEP, base beside it: the one that is there, woken, or a new one of the run's name."""
    with db.reading() as session:
        run, routes = existing(session, Run, subject.partition("@")[0]), endpoints.live(session)
    for endpoint, backend in routes:
        if backend.adapters == [subject] and backend.status != EndpointStatus.FAILED:
            return sleeping.wake(endpoint.id) if endpoint.asleep_at else endpoint
    called = free_names.of_run(run, subject.partition("@")[2])
    return create_endpoint(called, "transformers", run.model_id, [subject], project_id=run.project_id)


def deploy(
    endpoint_id: str,
    kind: str | None = None,
    model_id: str | None = None,
    adapters: Sequence[str] | None = None,
    options: dict[str, Any] | None = None,
    asked: Rollout | None = None,
) -> Backend:
    """Starts a new backend beside the one that answers; it takes over when it has proved itself (blue/green).

    What is left out is as it is now. A stopped endpoint starts again. A deployment still on its way is given up for
    this one. `asked` says how it takes over: `engine.serve.rollout.asked`.
    """
    asked = asked or Rollout()
    backend = _next_backend(endpoint_id, Wanted(kind, model_id, adapters, options))
    refuse_start(backend, memory_too=False)  # what answers now may have to make room first
    way = room.look(backend, asked.way).way
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        if endpoint.stopped_at is not None:
            _refuse_taken(session, endpoint.name)
        deployment.enter(session, endpoint, backend, asked, way)
    routing.forget()
    queue.ring(backends.begin, backend.id)
    return backend


def plan_deployment(endpoint_id: str, deployed: Wanted, asked: Rollout | None = None) -> Room:
    """What `deploy` would do with it: whether both fit into memory, and what that means for requests."""
    return room.look(_next_backend(endpoint_id, deployed), asked.way if asked else "auto")


def _next_backend(endpoint_id: str, deployed: Wanted) -> Backend:
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        deployed = deployment.as_now(deployed, endpoints.backend(session, endpoint.active_backend_id))
    backend = new_backend(str(deployed.kind), deployed.model_id, deployed.adapters or (), deployed.options)
    backend.endpoint_id = endpoint_id
    return backend


def rollback(endpoint_id: str) -> Backend:
    """Deploys what answered before; one on trial just goes, and its blue is returned. Raises ConflictError."""
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        previous = endpoints.backend(session, endpoint.previous_backend_id)
        blue = endpoints.backend(session, endpoint.active_backend_id)
    if endpoint.canary_backend_id is not None and blue is not None:
        handover.decide(endpoint_id, "back")
        return blue
    if previous is None:
        raise ConflictError(f"Endpoint `{endpoint.name}` has nothing to go back to.", "It was deployed only once.")
    return deploy(endpoint_id, previous.kind, previous.model_id, previous.adapters, previous.options)


def start_endpoint(endpoint_id: str) -> Backend:
    """Starts a stopped or failed endpoint again with what it served last."""
    with db.reading() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        last = endpoints.backend(session, endpoint.active_backend_id)
    if last is None or last.status in SERVING_MOVING:
        raise ConflictError(f"Endpoint `{endpoint.name}` is running.", "Stop it first.")
    return deploy(endpoint_id, last.kind, last.model_id, last.adapters, last.options)


def stop_endpoint(endpoint_id: str) -> Endpoint:
    """Stops an endpoint: answers in flight get ten seconds, then its processes and their memory are gone."""
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        endpoint.stopped_at = endpoint.stopped_at or time.time()
        for backend in endpoints.backends(session, endpoint_id):
            backend.outcome = ended_trial(backend, "back", "The endpoint was stopped.")
            retire(session, backend, "stopped by the user")
        endpoint.asleep_at = endpoint.waits_since = endpoint.canary_backend_id = None
    routing.forget()
    return endpoint


def delete_endpoint(endpoint_id: str) -> None:
    """Ends an endpoint's processes at once and forgets it, with its logs."""
    stop_endpoint(endpoint_id)
    with db.reading() as session:
        rows = endpoints.backends(session, endpoint_id)
    with db.session() as session:
        for backend in rows:
            devices.give_back(session, backend.id)
        session.delete(existing(session, Endpoint, endpoint_id))
    routing.forget()
    work.forget_subject(endpoint_id)
    trash.discard(home.folder("endpoints", endpoint_id))
    for backend in rows:
        folder = home.backend_folder(backend.id)
        process.end(folder)
        clear(backend.id)  # outside the folder, where its path is too long
        trash.discard(folder)


def look_up(endpoint_id: str) -> Endpoint:
    with db.reading() as session:
        return existing(session, Endpoint, endpoint_id)


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """What there is to say about an endpoint: its status is its active backend's; `deploying` is the green one's."""
    return describe_all([endpoint])[0]


def describe_all(listed: Sequence[Endpoint]) -> list[dict[str, Any]]:
    """The same of several, by one query for all of their backends."""
    with db.reading() as session:
        backends_by_endpoint = endpoints.current_backends(session, [endpoint.id for endpoint in listed])
    active = [
        (endpoint, row)
        for endpoint in listed
        for row in backends_by_endpoint[endpoint.id]
        if row.id == endpoint.active_backend_id
    ]
    loads = hot.described(active)
    return [
        {**_described(endpoint, backends_by_endpoint[endpoint.id]), "served_adapters": loads.get(endpoint.id, [])}
        for endpoint in listed
    ]


def _described(endpoint: Endpoint, rows: Sequence[Backend]) -> dict[str, Any]:
    active = next((row for row in rows if row.id == endpoint.active_backend_id), None)
    others = [row for row in rows if row is not active]
    green = next((row for row in others if facts.is_on_its_way(endpoint, row)), None)
    failed = next((row for row in others if active and row.created_at > active.created_at and row.error), None)
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "project_id": endpoint.project_id,
        "status": active.status if active else EndpointStatus.STOPPED,
        "models": routing.served_names(endpoint, active) if active else [],
        "created_at": endpoint.created_at,
        "stopped_at": endpoint.stopped_at,
        "can_roll_back": endpoint.previous_backend_id is not None,
        "does": abilities.of(active) if active else "text",
        **(_backend_fields(active) if active else {}),
        "deploying": {"status": green.status, **_backend_fields(green)} if green else None,
        "life": facts.of(endpoint, active, green, others),
        "last_deployment_error": failed.error if failed and not green else None,
    }


def _backend_fields(backend: Backend) -> dict[str, Any]:
    fields = ("kind", "model_id", "options", "device", "error", "hint", "restarts", "ready_at")
    served = adapter_names.subjects(backend.adapters)
    return {"backend_id": backend.id, "adapters": served, **{field: getattr(backend, field) for field in fields}}
