"""Which server answers for which model name on /v1.

An endpoint `jokes` answers to `jokes` (its first adapter, or the base), `jokes:base`, and `jokes:RUN_ID` for each
adapter. The table is read from the database at most once a second, so a request costs a dictionary look-up.
"""

import threading
import time
from dataclasses import dataclass

from engine.errors import NotFoundError, TunesmithError
from storage import db, endpoints, settings
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

FRESH_SECONDS = 1.0
RETRY_SECONDS = 2


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
    routes: dict[str, tuple[Endpoint, Backend]]


class _Routes:
    """The table as it was read last, for all threads. What was read before the last `forget` never counts as fresh."""

    def __init__(self) -> None:
        self.table = _Table(0.0, ("", ""), {})
        self._changes = 0
        self._lock = threading.Lock()

    def stale(self) -> bool:
        """Whether the table is to be read anew."""
        table = self.table
        return table.place != _place() or time.monotonic() - table.read_at > FRESH_SECONDS

    def forget(self) -> None:
        with self._lock:
            self._changes += 1
            self.table = _Table(0.0, ("", ""), {})

    def refresh(self) -> _Table:
        """Reads the table. It is kept unless something has changed while it was read."""
        changes = self._changes
        read_at, place = time.monotonic(), _place()
        with db.reading() as session:
            rows = endpoints.live(session)
        routes = {name: (endpoint, backend) for endpoint, backend in rows for name in served_names(endpoint, backend)}
        table = _Table(read_at, place, routes)
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
    endpoint, backend = route
    if backend.status != EndpointStatus.READY or backend.address is None:
        raise _not_ready(endpoint, backend)
    is_external = backend.kind == "external"
    name = backend.options.get("model") or backend.served_names[0] if is_external else model
    key_env = backend.options.get("api_key_env") if is_external else None
    return Upstream(backend.address, name, endpoint.id, backend.id, key_env, endpoint.name, backend.kind)


def _not_ready(endpoint: Endpoint, backend: Backend) -> NotReadyError:
    if backend.status == EndpointStatus.FAILED:
        hint = backend.hint or "The Serve page shows its log."
        return NotReadyError(f"Endpoint `{endpoint.name}` has failed: {backend.error or 'no reason given'}", hint, None)
    return NotReadyError(f"Endpoint `{endpoint.name}` is {backend.status}.", "Try again in a few seconds.")


def served_models() -> list[dict[str, object]]:
    """What GET /v1/models lists: every name that answers now, in OpenAI's shape."""
    return [
        {"id": name, "object": "model", "created": int(endpoint.created_at), "owned_by": "tunesmith"}
        for name, (endpoint, backend) in _current().items()
        if backend.status == EndpointStatus.READY
    ]


def names(endpoint: Endpoint, backend: Backend) -> list[str]:
    """The names an endpoint answers to on /v1, its own first."""
    if backend.kind == "external":
        return [endpoint.name]
    return [endpoint.name, f"{endpoint.name}:base", *(f"{endpoint.name}:{run_id}" for run_id in backend.adapters)]


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


def _current() -> dict[str, tuple[Endpoint, Backend]]:
    table = _routes.table
    return (_routes.refresh() if _routes.stale() else table).routes
