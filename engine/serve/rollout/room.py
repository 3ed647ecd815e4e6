"""Whether memory fits a second backend beside the one that answers, estimated before a deployment."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from engine.process import devices, machine, process
from engine.serve import gguf
from engine.serve.rollout.asked import Way
from engine.serve.vllm import memory, proposals
from engine.sizes import in_words
from storage import db, models
from storage.tables import Backend, Model

# Of the studio's own server, resident beside the weights: 0.71 GB in all with a model of 0.27 GB, measured. On a GPU it
# is CUDA's context. What vLLM takes is known to engine.serve.vllm.
SERVER_BYTES, CUDA_BYTES = 600_000_000, 1_000_000_000
WEIGHTS_FACTOR = 1.2  # what is computed with them
BYTES_A_PARAMETER = 2  # both servers load bfloat16
RESERVE_BYTES = 500_000_000  # that stay free, so that nothing else on the machine is pushed out
FRESH_SECONDS = 15


@dataclass(frozen=True)
class Room:
    """How a deployment would go, why, and what that means for callers. Bytes are None where they are not known."""

    way: Literal["beside", "replace"]
    need_bytes: int | None
    free_bytes: int | None
    says: str


BESIDE = "The new version starts beside the old one and takes over when it has answered. No request fails."
REPLACE = "The old version is stopped first. Requests wait until the new one answers, at most five minutes, then 503."


def look(backend: Backend, asked: Way = "auto") -> Room:
    """For a backend that is not started yet. Asks the driver on a GPU, so never inside a transaction."""
    with db.reading() as session:
        model = models.get(session, backend.model_id or "")
    return of_model(backend.kind, backend.options, model, asked)


def of_model(kind: str, options: dict[str, Any], model: Model | None, asked: Way = "auto") -> Room:
    """The same for any version that serves this base model."""
    if kind == "external":
        return Room("beside", None, None, BESIDE)
    free = _free.bytes()
    need = _need_bytes(kind, options, model, free)
    fits = need is None or free is None or need + RESERVE_BYTES <= free
    way: Literal["beside", "replace"] = asked if asked != "auto" else "beside" if fits else "replace"
    figures = ""
    if need is not None and free is not None:
        figures = f" It needs about {in_words(need)} of memory; {in_words(free)} is free."
    return Room(way, need, free, (BESIDE if way == "beside" else REPLACE) + figures)


def _need_bytes(kind: str, options: dict[str, Any], model: Model | None, free: int | None) -> int | None:
    weights = _weights_bytes(model)
    if kind == "llama":
        size = gguf.file_bytes(options)
        return None if size is None else int(WEIGHTS_FACTOR * size) + SERVER_BYTES
    if weights is None:
        return None
    gpus = machine.visible_gpus()
    if kind == "vllm" and gpus:
        share = float(options.get("gpu_memory_utilization") or proposals.GPU_SHARE)
        return int(share * min(gpu.memory_bytes for gpu in gpus))
    if kind == "vllm":
        return memory.needs(weights, options.get("kv_cache_gib"), free or 0).total
    return int(WEIGHTS_FACTOR * weights) + (CUDA_BYTES if gpus else SERVER_BYTES)


def _weights_bytes(model: Model | None) -> int | None:
    if model is None:
        return None
    return BYTES_A_PARAMETER * model.parameters if model.parameters else model.size_bytes


class Free:
    """The memory that is free on the device a backend would get; on GPUs of the one with the most, as their driver
    said a few seconds ago."""

    def __init__(self, ask: Callable[[], int | None]) -> None:
        self._ask, self._lock = ask, threading.Lock()
        self._at, self._bytes = 0.0, None  # type: float, int | None

    def bytes(self) -> int | None:
        with self._lock:
            if time.monotonic() - self._at > FRESH_SECONDS or not self._at:
                self._bytes, self._at = self._ask(), time.monotonic()
            return self._bytes


def _ask() -> int | None:
    return _free_gpu_bytes() if machine.has_gpu() else machine.free_memory_bytes()


def _free_gpu_bytes() -> int | None:
    listing = process.output(["nvidia-smi", "--query-gpu=index,memory.free", "--format=csv,noheader,nounits"], 5)
    rows = [line.split(",") for line in (listing or "").splitlines() if line.count(",") == 1]
    free = [int(mebibytes) << 20 for index, mebibytes in rows if f"gpu:{index.strip()}" in devices.on_this_machine()]
    return max(free, default=None)


_free = Free(_ask)
