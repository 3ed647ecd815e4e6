"""What uses a version: aliases that lead to it, endpoints that serve it. In words, by which a deletion is refused."""

from collections.abc import Sequence

from sqlmodel import Session

from engine.serve import adapter_names
from storage import endpoints, registry, uses
from storage.statuses import SERVING_KEPT
from storage.tables import Backend, ModelVersion


def of(session: Session, version: ModelVersion) -> list[str]:
    """What holds a version, a part of a sentence each."""
    led = [f"the alias `{alias.alias}` leads to it" for alias in registry.led_to(session, version.id)]
    served = by_endpoints(session, version.registered_id, [version])[version.id]
    return led + [f"the endpoint `{name}` serves it" for name in served]


def by_endpoints(session: Session, registered_id: str, kept: Sequence[ModelVersion]) -> dict[str, list[str]]:
    """Version id -> names of the endpoints that serve what it holds, or are about to; of several of one model."""
    followers = registry.followers(session, registered_id)
    backends = endpoints.kept(session, SERVING_KEPT)
    exported = uses.serving_exports(session, backends)
    names_of: dict[str, list[str]] = {}
    for version in kept:
        by_id = {row.backend_id for row, _ in followers if row.version_id == version.id}
        by_id |= {backend.id for _, backend in exported.get(version.export_id or "", ())}
        served = (row.name for row, backend in backends if backend.id in by_id or _holds(backend, version))
        names_of[version.id] = list(dict.fromkeys(served))
    return names_of


def _holds(backend: Backend, version: ModelVersion) -> bool:
    """Whether a backend serves the same run, adapter or model; the files of other exports have a way of their own."""
    if version.export_id is not None and version.kind != "adapter":
        return False
    if version.run_id is not None:
        return version.run_id in adapter_names.run_ids(backend.adapters)
    return version.model_id is not None and backend.model_id == version.model_id
