"""What a tuner is asked for, checked before anything starts; and what is proposed for an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.benchmarks import variants
from engine.benchmarks.load import Load
from engine.benchmarks.variants import Variant
from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.process import machine
from engine.serve import endpoints
from engine.serve.backend_plan import options_of
from engine.serve.vllm.options import VllmOptions
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Model

# What is tried when nothing is named, as far as the backend has such an option: on a CPU, and with a GPU.
USUAL = {
    "max_num_seqs": ((4, 16, 64), (64, 128, 256)),
    "max_num_batched_tokens": ((512, 2048, 8192), (2048, 8192, 16384)),
}
BESIDE_UTILIZATION = 0.45  # of a GPU's memory: with more, two servers do not fit
BESIDE_BYTES = 5 << 30  # of memory that vLLM takes on a CPU beside the weights: its processes and 1 GiB of KV cache


@dataclass(frozen=True)
class TunerWanted:
    """Values to try for each option under one load. `in_place` None: by the memory there is."""

    endpoint_id: str
    load: Load
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    in_place: bool | None = None


def checked(request: TunerWanted) -> tuple[Endpoint, Backend, list[Variant], bool]:
    """The endpoint, what answers for it, the variants to try, and whether it has to rest meanwhile."""
    if request.load.until_saturated or len(request.load.levels()) > 1:
        hint = "Name one number of requests at once, or a rate."
        raise RefusedError("A tuner compares options under one load.", hint)
    endpoint, backend = _tunable(request.endpoint_id)
    tried = variants.variants(dict(backend.options), request.options or default_options(backend))
    for variant in tried:
        variant["options"] = options_of(backend.kind, variant["options"])
    in_place = not fits_beside(backend) if request.in_place is None else request.in_place
    return endpoint, backend, tried, in_place


def _tunable(endpoint_id: str) -> tuple[Endpoint, Backend]:
    endpoint = endpoints.look_up(endpoint_id)
    with db.reading() as session:
        backend = existing(session, Backend, endpoint.active_backend_id or "none")
    if backend.kind == "external":
        hint = "Its options are set where it runs. It can be measured."
        raise RefusedError(f"Endpoint `{endpoint.name}` is served somewhere else.", hint)
    if backend.status != EndpointStatus.READY:
        raise ConflictError(f"Endpoint `{endpoint.name}` is {backend.status}.", "Start it, and wait until it answers.")
    return endpoint, backend


def default_options(backend: Backend) -> dict[str, tuple[int, ...]]:
    """What is tried when nothing is named; empty for a backend that has no such option."""
    if backend.kind != "vllm":
        return {}
    has_gpu = (backend.device or "").startswith("gpu")
    return {name: values[has_gpu] for name, values in USUAL.items() if name in VllmOptions.model_fields}


def fits_beside(backend: Backend) -> bool:
    """Whether a second server of the same model fits into the memory there is now."""
    if (backend.device or "").startswith("gpu") or machine.has_gpu():
        return float(backend.options.get("gpu_memory_utilization") or 1.0) <= BESIDE_UTILIZATION
    with db.reading() as session:
        model = session.get(Model, backend.model_id) if backend.model_id else None
    weights = sum(path.stat().st_size for path in Path(model.path).glob("*.safetensors")) if model and model.path else 0
    return psutil.virtual_memory().available >= 2 * weights + BESIDE_BYTES
