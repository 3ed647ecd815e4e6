"""Which server answers for which model name on /v1.

An endpoint `jokes` answers to `jokes` (its first adapter, or the base), `jokes:base`, `jokes:RUN` and `jokes:RUN@STEP`
for each adapter, and to the names that adapters were given (engine.serve.adapter_names). A server knows each adapter by
an internal name, another one for each load, so that a public name can lead to new weights from one request to the next.
The table is read from the database at most once a second, so a request costs a dictionary look-up.
"""

import threading
import time
from dataclasses import dataclass, replace

from engine.errors import NotFoundError, TunesmithError
from engine.serve import abilities, adapter_names, idle
from engine.serve.abilities import Ability
from engine.serve.rollout import canary
from storage import db, endpoints, served_adapters, settings
from storage.statuses import AdapterStatus, EndpointStatus
from storage.tables import Backend, Endpoint, ServedAdapter

FRESH_SECONDS = 1.0
RETRY_SECONDS = 2
_SETTLED = (AdapterStatus.LOADED, AdapterStatus.FAILED)


@dataclass(frozen=True)
class Upstream:
    """Where a request for a model goes, and what the model is called there."""

    address: str  # unix:/path, or the http(s) base of an outside API
    model: str
    endpoint_id: str
    backend_id: str
    key_env: str | None = None  # environment variable that holds the outside server's key
    endpoint: str = ""  # the endpoint's name
    kind: str = ""  # transformers, vllm or external
    does: Ability = "text"
    scores_prompts: bool = True  # whether it survives being asked for log-probabilities of a prompt


class NotReadyError(TunesmithError):
    """The endpoint exists, and nothing answers behind it now. `retry_after` is in seconds; None when it is no use."""

    status = 503

    def __init__(self, message: str, hint: str = "", retry_after: int | None = RETRY_SECONDS) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Table:
    read_at: float
    place: tuple[str, str]
    routes: dict[str, "Route"]
    on_trial: dict[str, "Route"]  # of green backends, for their share


@dataclass(frozen=True)
class Route:
    """Where one public name leads."""

    endpoint: Endpoint
    backend: Backend
    model: str  # what the server calls it
    problem: str | None = None  # why its adapter does not answer
    ready: Upstream | None = None  # when it answers; made once, since a column of a row costs more than a dictionary


class _Routes:
    """The table as it was read last, for all threads. What was read before the last `forget` never counts as fresh."""

    def __init__(self) -> None:
        self.table = _Table(0.0, ("", ""), {}, {})
        self._changes = 0
        self._lock = threading.Lock()

    def stale(self) -> bool:
        """Whether the table is to be read anew."""
        table = self.table
        return table.place != _place() or time.monotonic() - table.read_at > FRESH_SECONDS

    def forget(self) -> None:
        with self._lock:
            self._changes += 1
            self.table = _Table(0.0, ("", ""), {}, {})

    def refresh(self) -> _Table:
        """Reads the table. It is kept unless something has changed while it was read."""
        changes = self._changes
        read_at, place = time.monotonic(), _place()
        with db.reading() as session:
            rows = endpoints.live(session)
            canary.read(session, served_names)
            trials = [(endpoint, green) for endpoint, _ in rows if (green := canary.green_of(endpoint.id)) is not None]
            loads = served_adapters.of(session, [backend.id for _, backend in [*rows, *trials] if backend.adapters])
        settled = {(load.backend_id, load.subject): load for load in loads if load.status in _SETTLED}
        routes = {name: route for endpoint, backend in rows for name, route in _routes_of(endpoint, backend, settled)}
        on_trial = {name: route for endpoint, green in trials for name, route in _routes_of(endpoint, green, settled)}
        table = _Table(read_at, place, routes, on_trial)
        with self._lock:
            if changes == self._changes:
                self.table = table
        return table


def _place() -> tuple[str, str]:
    """Which database it is. A test may change it; to ask for its address would take a tenth of a request's time."""
    return settings.place("home"), settings.place("database_url")


_routes = _Routes()


def upstream(model: str) -> Upstream:
    """Where requests for `model` go. Raises NotFoundError, or NotReadyError while nothing answers."""
    route = _current().get(model)
    if route is None:
        raise NotFoundError(f"There is no model `{model[:100]}` here.", "GET /v1/models lists what is served.")
    idle.used(route.endpoint)
    if canary.is_any() and canary.chosen(route.endpoint, route.backend, model) is not route.backend:
        route = _routes.table.on_trial.get(model, route)
    if route.ready is not None:
        return route.ready
    if route.backend.status != EndpointStatus.READY or route.backend.address is None:
        raise _not_ready(route.endpoint, route.backend)
    raise NotReadyError(f"The adapter of `{model[:100]}` is not loaded: {route.problem}", "Add it again.", None)


def _not_ready(endpoint: Endpoint, backend: Backend) -> NotReadyError:
    if backend.status == EndpointStatus.FAILED:
        hint = backend.hint or "The Serve page shows its log."
        return NotReadyError(f"Endpoint `{endpoint.name}` has failed: {backend.error or 'no reason given'}", hint, None)
    return NotReadyError(f"Endpoint `{endpoint.name}` is {backend.status}.", "Try again in a few seconds.")


def served_models() -> list[dict[str, object]]:
    """What GET /v1/models lists: every name that answers now, or wakes for a request, in OpenAI's shape."""
    return [
        {"id": name, "object": "model", "created": int(route.endpoint.created_at), "owned_by": "tunesmith"}
        for name, route in _current().items()
        if route.backend.status in (EndpointStatus.READY, EndpointStatus.ASLEEP) and route.problem is None
    ]


def distinct_models() -> list[str]:
    """Of the names that answer, one for each thing that is served: the endpoint's own, a given one, or the run's."""
    routes, targets = _current(), dict[tuple[str, str], list[str]]()
    for name in (str(served["id"]) for served in served_models()):
        if route := routes.get(name):
            targets.setdefault((route.endpoint.id, route.model), []).append(name)
    return [names[0] if ":" not in names[0] else names[-1] for names in targets.values()]


def answers(model: str) -> bool:
    """Whether requests for a name are known to be answered: what was read a moment ago, without reading it anew."""
    table = _routes.table
    route = table.routes.get(model)
    return route is not None and route.ready is not None and time.monotonic() - table.read_at <= FRESH_SECONDS


def route(model: str) -> tuple[Endpoint, Backend] | None:
    """The endpoint of a name, and the backend that answers for it or will."""
    known = _current().get(model)
    return (known.endpoint, known.backend) if known else None


def called(endpoint: Endpoint, backend: Backend, name: str) -> str:
    """What the server of a backend calls a public name, whether or not requests are sent there yet."""
    with db.reading() as session:
        loads = served_adapters.current(session, backend.id)
    settled = {(backend.id, subject): load for subject, load in loads.items()}
    return next((one.model for known, one in _routes_of(endpoint, backend, settled) if known == name), name)


def names(endpoint: Endpoint, backend: Backend) -> list[str]:
    """The names an endpoint answers to on /v1, its own first."""
    if backend.kind in ("external", "llama"):
        return [endpoint.name]
    return list(adapter_names.public(endpoint.name, backend.adapters))


def stale() -> bool:
    """Whether the next look-up reads the database."""
    return _routes.stale()


def forget() -> None:
    """Has the next look-up read the database: something has just changed."""
    _routes.forget()


def refresh() -> None:
    """Reads the table anew."""
    _routes.refresh()


def served_names(endpoint: Endpoint, backend: Backend) -> list[str]:
    """The names that this very backend answers to (a whole model on vLLM has no base beside it)."""
    return backend.served_names if backend.served_names and backend.kind != "external" else names(endpoint, backend)


def _routes_of(
    endpoint: Endpoint, backend: Backend, settled: dict[tuple[str, str], ServedAdapter]
) -> list[tuple[str, Route]]:
    if backend.kind == "external":
        model = backend.options.get("model") or backend.served_names[0]
        return [(endpoint.name, _leading(endpoint, backend, model))]
    subjects = adapter_names.public(endpoint.name, backend.adapters)
    loads = {name: settled.get((backend.id, subjects.get(name, ""))) for name in served_names(endpoint, backend)}
    scores_prompts = _scores_prompts(backend, any(loads.values()))
    return [(name, _scoring(_route(endpoint, backend, name, load), scores_prompts)) for name, load in loads.items()]


def _scoring(route: Route, scores_prompts: bool) -> Route:
    """The route, told whether its server may be asked for log-probabilities of a prompt."""
    if scores_prompts or route.ready is None:
        return route
    return replace(route, ready=replace(route.ready, scores_prompts=False))


def _route(endpoint: Endpoint, backend: Backend, name: str, load: ServedAdapter | None) -> Route:
    """What was there from the server's start (the base, a whole model) is called there as here."""
    if load is None:
        return _leading(endpoint, backend, name)
    is_there = load.status == AdapterStatus.LOADED and load.attempt == backend.attempt
    return _leading(endpoint, backend, load.internal_name, None if is_there else load.error or "it is being loaded.")


def _scores_prompts(backend: Backend, has_adapters: bool) -> bool:
    """vLLM on a CPU that was started for adapters ends when several prompts are scored at once, whoever asks.

    Seen with 0.32: `add_lora_logits` takes the rows of all prompts for those of the answers.
    """
    is_for_adapters = has_adapters or any(
        backend.options.get(name) for name in ("enable_lora", "max_loras", "max_lora_rank")
    )
    return not (backend.kind == "vllm" and backend.device == "cpu" and is_for_adapters)


def _leading(endpoint: Endpoint, backend: Backend, model: str, problem: str | None = None) -> Route:
    ready = None
    if backend.status == EndpointStatus.READY and backend.address is not None and problem is None:
        key_env = backend.options.get("api_key_env") if backend.kind == "external" else None
        does = abilities.of(backend)
        ready = Upstream(backend.address, model, endpoint.id, backend.id, key_env, endpoint.name, backend.kind, does)
    return Route(endpoint, backend, model, problem, ready)


def _current() -> dict[str, Route]:
    table = _routes.table
    return (_routes.refresh() if _routes.stale() else table).routes
