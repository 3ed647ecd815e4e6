"""What a benchmark was measured with, and what else took the machine's time meanwhile."""

from importlib import metadata
from typing import Any

from engine.process import devices
from engine.serve.routing import Upstream
from storage import db
from storage import endpoints as stored_endpoints
from storage import models as stored_models
from storage.tables import Backend, Endpoint


def known_before(endpoint: Endpoint, backend: Backend, upstream: Upstream) -> dict[str, Any]:
    """What answers, as far as it is known before; the worker adds the machine and the backend's version."""
    with db.reading() as session:
        model_names = stored_models.names(session, [backend.model_id] if backend.model_id else [])
        others = [other.name for other, row in stored_endpoints.routes(session) if other.id != endpoint.id]
    return {
        "studio_version": _studio_version(),
        "kind": backend.kind,
        "base_model": model_names.get(backend.model_id or "", backend.options.get("model", "")),
        "adapters": list(backend.adapters),
        "options": dict(backend.options),
        "device": backend.device,
        "asked_as": upstream.model,
        "other_endpoints": others,
        "devices_held_by": [f"{lease.holder_kind} {lease.holder_id}" for lease in devices.holders() if lease.exclusive],
    }


def _studio_version() -> str:
    try:
        return metadata.version("tunesmith")
    except metadata.PackageNotFoundError:  # run from a folder without being installed
        return "0"


def other_load(facts: dict[str, Any]) -> list[str]:
    """What else took the machine's time, a short sentence each."""
    loads = [f"Training {name} was running." for name in facts.get("trainings", [])]
    if in_flight := facts.get("in_flight_before"):
        loads.append(f"The endpoint was writing {in_flight} other answers when it began.")
    cores = facts.get("machine", {}).get("cores") or 0
    if cores and facts.get("load_average_before", 0) > cores * 0.5:
        loads.append(f"The machine was busy before it began: load {facts['load_average_before']:.1f} on {cores} cores.")
    return loads
