"""Figures of an endpoint for its card: what the gateway counts and what its processes hold, without waiting."""

from collections.abc import Mapping

from anyio import from_thread

from app.v1 import figures
from engine.process import footprint
from engine.process.answers import Answers
from engine.serve.vllm import metrics
from storage import db, endpoints, home
from storage.statuses import EndpointStatus

Held = tuple[int | None, float | None]  # memory in bytes, share of vLLM's KV cache

_asked: Answers[Held] = Answers("held")
_held: dict[str, Held] = {}


def of(endpoint_id: str) -> Mapping[str, float | None]:
    """Called in a thread of the event loop's, for every card that shows; nothing where there is no event loop."""
    if (answer := _asked.to(endpoint_id, lambda: held(endpoint_id))) is not None:
        _held[endpoint_id] = answer.value
    memory, share = _held.get(endpoint_id, (None, None))
    try:
        counted = from_thread.run_sync(_counted, endpoint_id)
    except RuntimeError:
        counted = {}
    return {**counted, "memory_bytes": memory, "kv_cache_share": share}


def _counted(endpoint_id: str) -> Mapping[str, float | None]:
    return figures.of(endpoint_id).summary() if figures.knows(endpoint_id) else {}


def held(endpoint_id: str) -> Held:
    """Memory of the processes that answer, and how full vLLM's KV cache is. None is not known."""
    with db.reading() as session:
        endpoint = endpoints.get(session, endpoint_id)
        backend = endpoints.backend(session, endpoint.active_backend_id if endpoint else None)
    if backend is None or backend.kind == "external":
        return None, None
    memory = footprint.memory_bytes(home.backend_folder(backend.id))
    is_vllm = backend.kind == "vllm" and backend.status == EndpointStatus.READY and backend.address
    return memory, metrics.kv_cache_share(str(backend.address)) if is_vllm else None
