"""Serving with vLLM, which lives in a Python environment of its own: its pins and ours cannot be met together.

The environment is named by TUNESMITH_VLLM_PYTHON, or is under the home in runtimes/vllm. The server listens on a
Unix socket in a folder only its owner can enter, because vLLM's own key leaves several of its routes open. So there is
no key, and none in argv, where every user of the machine could read it.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.process.plan import Plan
from engine.serve.vllm import extra_options
from engine.serve.vllm.memory import GIB
from engine.serve.vllm.options import VllmOptions as VllmOptions
from engine.serve.vllm.values import OFF, PLUGIN_QUANTIZATION
from storage import home
from storage.settings import settings

SERVER = "vllm.entrypoints.openai.api_server"
DRAIN_SECONDS = 8  # the shim kills after ten
KV_VARIABLE = "VLLM_CPU_KVCACHE_SPACE"
MOST_ADAPTERS_KEPT = 64  # in memory, beside those that answer; beyond it vLLM reads them from the disk again
INSTALL_HINT = (
    "Install it under Runtimes on the Serve page (`tunesmith runtime install vllm`), set TUNESMITH_VLLM_PYTHON to a "
    "Python that has it, or serve with the backend `transformers`."
)
# Options that go to vLLM as they are called.
PLAIN = (
    "dtype", "quantization", "max_model_len", "max_num_seqs", "max_num_batched_tokens", "tensor_parallel_size",
    "pipeline_parallel_size", "kv_cache_dtype",
)  # fmt: skip
SWITCHES = ("enable_prefix_caching", "enable_chunked_prefill", "enforce_eager", "enable_sleep_mode")
ENVIRONMENT = {
    # vLLM names its processes with setproctitle, which overwrites their environment block: the shim's cookie would be
    # gone, and what a killed shim leaves behind (3 GB) would never be found.
    "SPT_NOENV": "1",
    "HF_HUB_OFFLINE": "1",  # what is served is on this disk
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_MAX_N_SEQUENCES": "8",  # choices a request, as the gateway allows
}


@dataclass(frozen=True)
class Place:
    """Where a server listens, and the folder for its temporary files: pipes, and what is left when it is killed."""

    socket: str
    temporary: Path


def python() -> Path:
    """The Python that has vLLM. Raises RefusedError, with how to install it, when there is none.

    The runtime under the home is a link to one of several versions. It is followed here, so that a server that is
    running keeps to its own files when another version takes the link over.
    """
    if configured := settings().vllm_python:
        if not configured.is_file():
            raise RefusedError(f"TUNESMITH_VLLM_PYTHON names {configured}, which does not exist.", INSTALL_HINT)
        return configured
    path = home.folder("runtimes", "vllm").resolve() / "bin" / "python"
    if not path.is_file():
        raise RefusedError("vLLM is not installed.", INSTALL_HINT)
    return path


def plan_vllm(model: Path, base: Sequence[str], place: Place, options: Mapping[str, Any]) -> Plan:
    """The command that serves `model` under the names `base`.

    `options` are settled ones (proposals.settled): every one that has a value. Adapters come over the socket once it
    answers (engine.serve.adapters), never by the command line.
    """
    argv = [str(python()), "-m", SERVER, "--model", str(model), "--uds", place.socket, "--served-model-name", *base]
    argv += ["--shutdown-timeout", str(DRAIN_SECONDS), "--disable-fastapi-docs", "--disable-uvicorn-access-log"]
    if options.get("quantization") not in PLUGIN_QUANTIZATION:
        argv += ["--load-format", "safetensors"]  # never a pickle
    argv += _option_arguments(options) + _memory_arguments(options)
    env = ENVIRONMENT | caches() | {"TMPDIR": str(place.temporary)}
    if options.get("enable_lora"):
        argv += _lora_arguments(options)
        env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"  # its route reads any path: it is behind the socket
    if KV_VARIABLE in os.environ and "kv_cache_gib" in options:  # it wins over the option: in whole GiB
        env[KV_VARIABLE] = str(math.ceil(options["kv_cache_gib"]))
    if options.get("enable_sleep_mode"):
        env["VLLM_SERVER_DEV_MODE"] = "1"  # /sleep and /wake_up exist only so; behind the socket as well
    return Plan([*argv, *extra_options.parsed(options.get("extra_args", ""))], env)


def caches() -> dict[str, str]:
    """What vLLM compiles and keeps is under the home, not in the user's own cache and not in /tmp."""
    folder = home.caches()
    return {
        "XDG_CACHE_HOME": str(folder),
        "VLLM_CACHE_ROOT": str(folder / "vllm"),
        "VLLM_CONFIG_ROOT": str(folder / "vllm-config"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torchinductor"),
        "TRITON_CACHE_DIR": str(folder / "triton"),
    }


def _option_arguments(options: Mapping[str, Any]) -> list[str]:
    """What differs from vLLM's own default; what is as vLLM has it is left to vLLM."""
    given = {name: value for name, value in options.items() if value not in (_default(name), "auto")}
    argv = [word for name in PLAIN if name in given for word in (_flag(name), str(given[name]))]
    argv += [_flag(name) if given[name] else _flag(f"no_{name}") for name in SWITCHES if name in given]
    for name, switch in (("tool_call_parser", ["--enable-auto-tool-choice"]), ("reasoning_parser", [])):
        if (parser := options.get(name, OFF)) != OFF:
            argv += [*switch, _flag(name), parser]
    if speculative := options.get("speculative_config"):
        argv += ["--speculative-config", json.dumps(speculative)]
    return argv


def _memory_arguments(options: Mapping[str, Any]) -> list[str]:
    """Always a bound: vLLM's own on a CPU is nine tenths of the machine, free or not."""
    if kv_cache_gib := options.get("kv_cache_gib"):
        return ["--kv-cache-memory-bytes", str(int(kv_cache_gib * GIB))]
    share = options.get("gpu_memory_utilization")
    return ["--gpu-memory-utilization", str(share)] if share else []


def _lora_arguments(options: Mapping[str, Any]) -> list[str]:
    argv = ["--enable-lora", "--max-lora-rank", str(options["max_lora_rank"]), "--max-loras", str(options["max_loras"])]
    return [*argv, "--max-cpu-loras", str(max(MOST_ADAPTERS_KEPT, options["max_loras"]))]


def _default(name: str) -> Any:
    return False if name == "enforce_eager" else VllmOptions.model_fields[name].default


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
