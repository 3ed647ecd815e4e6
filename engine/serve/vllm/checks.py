"""What speaks against starting vLLM with these options, said before a start that would take a minute to fail.

The rules are those of vLLM 0.32; each names the option, its value, and what would do.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from engine import sizes
from engine.errors import RefusedError
from engine.serve.vllm import memory, proposals
from engine.serve.vllm.environments import Environment
from engine.serve.vllm.memory import Needs
from engine.serve.vllm.proposals import Machine, ModelFacts
from engine.serve.vllm.values import (
    CPU_QUANTIZATION,
    GPU_QUANTIZATION,
    KV_DTYPES_ON_CPU,
    LORA_RANKS,
    PLUGIN_QUANTIZATION,
    QUANTIZED_AT_LOAD,
)

LSCPU = "lscpu"
OF_CHECKPOINTS = ("awq", "awq_marlin", "gptq", "gptq_marlin", "compressed-tensors")  # nothing of these at load
COMPILERS = ("g++", "c++", "clang++")


def refuse_options(options: Mapping[str, Any], facts: ModelFacts, machine: Machine, environment: Environment) -> None:
    """Raises RefusedError, a line for each option that cannot be. `options` are settled ones (proposals)."""
    rules = (_lengths, _parallel, _of_adapters, _quantization)
    problems = [line for rule in rules for line in rule(options, facts, machine)]
    problems += _of_plugin(options, environment)
    problems += _on_cpu(options) if machine.platform == "cpu" else []
    if problems:
        raise RefusedError("vLLM cannot start with these options.", "\n".join(problems))
    _refuse_machine(options, machine)


def _lengths(options: Mapping[str, Any], facts: ModelFacts, machine: Machine) -> Iterator[str]:
    context, longest = options.get("max_model_len"), facts.context
    if context and longest and context > longest:
        yield f"`max_model_len` is {context:,}, and the model's own context is {longest:,}."
    tokens, answers = options.get("max_num_batched_tokens"), options.get("max_num_seqs")
    if tokens and answers and tokens < answers:
        yield f"`max_num_batched_tokens` is {tokens:,}: it must be at least max_num_seqs, which is {answers:,}."
    if tokens and context and tokens < context and options.get("enable_chunked_prefill") is False:
        yield f"`max_num_batched_tokens` is {tokens:,}: without chunked prefill it must be at least {context:,}."


def _parallel(options: Mapping[str, Any], facts: ModelFacts, machine: Machine) -> Iterator[str]:
    if machine.platform == "cpu":
        return
    tensor, pipeline = options.get("tensor_parallel_size", 1), options.get("pipeline_parallel_size", 1)
    if tensor * pipeline > machine.gpus:
        yield (
            f"`tensor_parallel_size` {tensor} times `pipeline_parallel_size` {pipeline} needs {tensor * pipeline} "
            f"GPUs, and this machine has {machine.gpus}."
        )
    heads = facts.config.get("num_attention_heads")
    if isinstance(heads, int) and heads % tensor:
        yield f"`tensor_parallel_size` is {tensor}: it must divide the model's {heads} attention heads."


def _of_adapters(options: Mapping[str, Any], facts: ModelFacts, machine: Machine) -> Iterator[str]:
    largest = max(facts.ranks, default=0)
    if largest > LORA_RANKS[-1]:
        yield f"An adapter has rank {largest}, and vLLM takes {LORA_RANKS[-1]} at most: merge it, or use transformers."
    elif largest > options["max_lora_rank"]:
        yield f"`max_lora_rank` is {options['max_lora_rank']}, and an adapter has rank {largest}."
    if facts.ranks and not options["enable_lora"]:
        yield "`enable_lora` is off, and the endpoint has adapters."


def _quantization(options: Mapping[str, Any], facts: ModelFacts, machine: Machine) -> Iterator[str]:
    name = options.get("quantization")
    if name is None or name in PLUGIN_QUANTIZATION:
        return
    if machine.platform == "cpu" and name not in CPU_QUANTIZATION:
        yield f"`quantization` {name} does not run on a CPU. Use one of: {', '.join(CPU_QUANTIZATION)}."
    elif machine.platform == "cuda" and machine.capability and machine.capability < GPU_QUANTIZATION[name]:
        least = GPU_QUANTIZATION[name]
        yield f"`quantization` {name} needs a GPU of compute capability {least}, and this one has {machine.capability}."
    if facts.quantization and name in QUANTIZED_AT_LOAD:
        yield f"`quantization` is {name}, and the model is quantised already ({facts.quantization}): leave it empty."
    if name in OF_CHECKPOINTS and not facts.quantization:
        yield f"`quantization` is {name}, and the model's weights are not quantised. Leave it empty."


def _of_plugin(options: Mapping[str, Any], environment: Environment) -> list[str]:
    name = options.get("quantization")
    package = PLUGIN_QUANTIZATION.get(name or "")
    if package is None or environment.version is None or environment.has(package):
        return []
    plain = package.replace("_", "-")
    return [f"`quantization` {name} is no longer part of vLLM: it needs the package {plain} in its environment."]


def _on_cpu(options: Mapping[str, Any]) -> list[str]:
    lines = [
        f"`{name}` is for GPUs, and this endpoint runs on a CPU. Leave it empty."
        for name in ("tensor_parallel_size", "pipeline_parallel_size")
        if options.get(name, 1) != 1
    ]
    if options.get("gpu_memory_utilization"):
        lines.append("`gpu_memory_utilization` is for GPUs: on a CPU set kv_cache_gib.")
    if options.get("enable_sleep_mode"):
        lines.append("`enable_sleep_mode` needs an NVIDIA GPU, and this endpoint runs on a CPU.")
    if (kind := options.get("kv_cache_dtype", "auto")) not in KV_DTYPES_ON_CPU:
        lines.append(f"`kv_cache_dtype` {kind} does not run on a CPU. Use one of: {', '.join(KV_DTYPES_ON_CPU)}.")
    return lines


def _refuse_machine(options: Mapping[str, Any], machine: Machine) -> None:
    """Programs that vLLM calls on a CPU. Without them its worker dies, and the rest hangs."""
    if machine.platform != "cpu":
        return
    if shutil.which(LSCPU) is None:
        raise RefusedError(
            "vLLM on a CPU needs the program lscpu, which is not on PATH.", "Install the package util-linux."
        )
    compiles = not options["enforce_eager"] and not options["enable_lora"]  # with adapters it never compiles
    compilers = (os.environ.get("CXX"), *COMPILERS)
    if compiles and not any(shutil.which(name) for name in compilers if name):
        raise RefusedError(
            "`enforce_eager` is off, so vLLM compiles, and there is no C++ compiler on PATH.",
            "Leave enforce_eager empty, or install g++.",
        )


def refuse_memory(options: Mapping[str, Any], facts: ModelFacts, machine: Machine, needs: Needs) -> None:
    """Raises RefusedError when there is too little memory: free memory on a CPU, the GPU's own on a GPU."""
    if machine.platform == "cuda":
        return _refuse_large(options, facts, machine, needs.weights)
    memory.refuse_short_memory(facts.name, needs, machine.free_bytes)
    if context := options.get("max_model_len"):
        memory.refuse_long_context(context, needs.kv_cache, proposals.token_bytes(facts, options))
    return None


def _refuse_large(options: Mapping[str, Any], facts: ModelFacts, machine: Machine, weights: int) -> None:
    gpus = options.get("tensor_parallel_size", 1) * options.get("pipeline_parallel_size", 1)
    if machine.gpu_bytes and not options.get("quantization") and weights > gpus * machine.gpu_bytes:
        needs = sizes.in_words(weights)
        has = sizes.in_words(gpus * machine.gpu_bytes)
        raise RefusedError(
            f"The weights of `{facts.name}` are {needs}, and the GPU memory it would get is {has}.",
            "Spread it over more GPUs (tensor_parallel_size), quantise it, or serve a smaller model.",
        )
