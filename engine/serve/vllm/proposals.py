"""What a vLLM endpoint is started with where nobody has said it: by the model, its adapters and the machine.

Pure: the page shows what the start does, because both ask here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.process import devices, machine
from engine.serve.vllm import files, memory, parsers
from engine.serve.vllm.environments import Environment
from engine.serve.vllm.values import LORA_RANKS, Platform, allowed_rank
from engine.weights import inspection

USUAL_RANK = 64  # where adapters may come later, or do not say their own
LEAST_AT_ONCE = 2  # adapters in one step: while a name passes on, the old one and the new one answer side by side
MOST_AT_ONCE = 4
GPU_SHARE = 0.9  # vLLM's own is 0.92
GPU_OVERHEAD_BYTES = 3_000_000_000  # CUDA itself, activations and graphs
BF16_CAPABILITY = 8.0  # Ampere
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ModelFacts:
    """What a proposal needs to know of a model folder and the adapters on it."""

    name: str
    parameters: int = 0
    size_bytes: int = 0  # of the weights on the disk
    dtype: str | None = None  # of most weights, as safetensors spells it
    context: int | None = None  # tokens
    config: Mapping[str, Any] = field(default_factory=dict)
    model_type: str | None = None
    quantization: str | None = None  # how the checkpoint is quantised
    template: str = ""
    ranks: tuple[int, ...] = ()  # of the adapters
    is_tuned: bool = False  # adapters, or a whole model that was trained here

    def weights_bytes(self, dtype: str) -> int:
        """In memory: weights that are not quantised are loaded in `dtype`."""
        if self.quantization or not self.parameters:
            return self.size_bytes
        return self.parameters * (4 if dtype == "float32" else 2)


@dataclass(frozen=True)
class Machine:
    """Where it will compute. For GPUs: memory and compute capability of the weakest."""

    platform: Platform
    free_bytes: int = 0  # of the machine's memory
    gpus: int = 0
    gpu_bytes: int = 0
    capability: float = 0.0


def look(name: str, folder: Path, adapters: Sequence[Path] = (), is_tuned: bool = False) -> ModelFacts:
    """Reads the small files of a model folder and its adapters. Raises RefusedError for a damaged adapter."""
    seen = inspection.inspect(folder)
    config = seen.config or {}
    own = files.chat_template(folder, adapters)
    inner = config.get("text_config")
    return ModelFacts(
        name=name,
        parameters=seen.parameters or 0,
        size_bytes=seen.size_bytes,
        dtype=seen.dtype,
        context=seen.context_length,
        config={**config, **inner} if isinstance(inner, dict) else config,
        model_type=seen.model_type,
        quantization=inspection.quantisation(config),
        template=files.template_text(own.parent if own else folder),
        ranks=tuple(files.rank(adapter) or USUAL_RANK for adapter in adapters),
        is_tuned=is_tuned or bool(adapters),
    )


def this_machine(environment: Environment, device: str) -> Machine:
    """The machine as it is now, for a backend that holds that device."""
    free, platform = machine.free_memory_bytes(), environment.platform(device)
    if platform == "cpu":
        return Machine("cpu", free)
    gpus = [gpu for gpu in machine.visible_gpus() if gpu.name in devices.parts(device)] or machine.visible_gpus()
    smallest = min((gpu.memory_bytes for gpu in gpus), default=0)
    return Machine(
        "cuda", free, len(devices.on_this_machine()), smallest, min((gpu.compute_capability for gpu in gpus), default=0)
    )


def proposed(facts: ModelFacts, machine: Machine, chosen: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """A value for each option that depends on model or machine; `chosen` are those that somebody has set."""
    dtype = chosen.get("dtype") or _dtype(facts, machine)
    parser_names = parsers.parsers(facts.model_type, facts.template)
    values = {
        "dtype": dtype,
        "enforce_eager": machine.platform == "cpu",
        "enable_lora": bool(facts.ranks or chosen.get("max_loras") or chosen.get("max_lora_rank")),
        "max_lora_rank": allowed_rank(max(facts.ranks, default=USUAL_RANK)) or LORA_RANKS[-1],
        "max_loras": min(max(len(facts.ranks), LEAST_AT_ONCE), MOST_AT_ONCE),
        "tool_call_parser": parser_names.tools,
        # A tuned model may answer without a thought, and some parsers take an answer without its end for one.
        "reasoning_parser": None if facts.is_tuned else parser_names.reasoning,
    }
    return values | _cache(facts, machine, {**chosen, "dtype": dtype})


def settled(facts: ModelFacts, machine: Machine, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Every option that has a value: what was chosen, and what is proposed where nothing was."""
    set_by_hand = {name: value for name, value in chosen.items() if value is not None}
    return {
        name: value for name, value in (proposed(facts, machine, chosen) | set_by_hand).items() if value is not None
    }


def _dtype(facts: ModelFacts, machine: Machine) -> str:
    """vLLM itself takes float16 for weights in float32, which a CPU computes slowly and which overflows sooner."""
    if facts.quantization or facts.dtype != "F32":
        return "auto"
    has_bfloat16 = machine.platform == "cpu" or machine.capability >= BF16_CAPABILITY
    return "bfloat16" if has_bfloat16 else "float16"


def _cache(facts: ModelFacts, machine: Machine, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The KV cache, and the longest context that it holds once."""
    weights = facts.weights_bytes(chosen["dtype"])
    values: dict[str, Any] = {}
    kv_bytes = int((chosen.get("kv_cache_gib") or 0) * memory.GIB)
    if not kv_bytes and machine.platform == "cpu":
        kv_bytes = memory.usual_kv_bytes(machine.free_bytes, weights)
        values["kv_cache_gib"] = kv_bytes / memory.GIB
    elif not kv_bytes:
        share = chosen.get("gpu_memory_utilization") or GPU_SHARE
        values["gpu_memory_utilization"] = share
        gpus = chosen.get("tensor_parallel_size", 1) * chosen.get("pipeline_parallel_size", 1)
        kv_bytes = max(0, int(gpus * (machine.gpu_bytes * share - GPU_OVERHEAD_BYTES)) - weights)
    if facts.context:
        fits = memory.fitting_context(kv_bytes, token_bytes(facts, chosen), facts.context)
        values["max_model_len"] = max(fits, min(memory.LEAST_CONTEXT, facts.context))
    return values


def token_bytes(facts: ModelFacts, options: Mapping[str, Any]) -> int:
    """What a token takes in the KV cache with these options; 0 where it is not known."""
    kv_dtype = str(options.get("kv_cache_dtype") or "auto")
    wide = options.get("dtype") == "float32" and kv_dtype == "auto"
    return memory.token_bytes(facts.config, 1 if kv_dtype.startswith("fp8") else 4 if wide else 2)
