"""Serving with vLLM, which lives in a Python environment of its own: its pins and ours cannot be met together.

The environment is named by TUNESMITH_VLLM_PYTHON, or stands under the home in runtimes/vllm. The server listens on a
Unix socket in a folder only its owner can enter, because vLLM's own key leaves several of its routes open. So there is
no key, and none in argv, where every user of the machine could read it.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import RefusedError
from engine.process.plan import Plan
from engine.serve import adapter_names
from storage import home
from storage.settings import settings

SERVER = "vllm.entrypoints.openai.api_server"
DRAIN_SECONDS = 8  # the shim kills after ten
LEAST_AT_ONCE = 2  # while a name passes on, the old adapter and the new one answer side by side
MOST_AT_ONCE = 8  # adapters in one batch, each with memory of its own; others take turns
ENV = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_MAX_N_SEQUENCES": "8",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
}
INSTALL_HINT = (
    "Make an environment for it (python -m venv DIR; DIR/bin/pip install 'vllm>=0.30') and set TUNESMITH_VLLM_PYTHON "
    "to DIR/bin/python, or serve with the backend `transformers`."
)


class VllmOptions(BaseModel):
    """What may be set for a vLLM backend. Names are vLLM's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_model_len: int | None = Field(default=None, ge=1, le=10_000_000, description="Context length in tokens.")
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1, description="Share of the GPU's memory.")
    max_num_seqs: int | None = Field(default=None, ge=1, le=4096, description="Answers computed at once.")
    max_lora_rank: int = Field(default=64, ge=1, le=512, description="Largest LoRA rank that can be loaded.")
    max_loras: int | None = Field(
        default=None, ge=1, le=64, description="Adapters computed in one batch; set it to add some to a base later."
    )
    quantization: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,40}$", description="vLLM's method name.")
    enforce_eager: bool = Field(default=False, description="No CUDA graphs: starts faster, answers slower.")


def python() -> Path:
    """The Python that has vLLM. Raises RefusedError, with how to install it, when there is none."""
    configured = settings().vllm_python
    path = configured or home.folder("runtimes", "vllm") / "bin" / "python"
    if not path.is_file():
        problem = (
            f"TUNESMITH_VLLM_PYTHON names {path}, which does not exist." if configured else "vLLM is not installed."
        )
        raise RefusedError(problem, INSTALL_HINT)
    return path


def plan_vllm(model: Path, base: list[str], adapters: int, socket: str, options: VllmOptions) -> Plan:
    """The command that serves `model` under the names `base`, with room for adapters if any are to be loaded.

    Adapters come over the socket once it answers (engine.serve.adapters), never by the command line.
    """
    argv = [str(python()), "-m", SERVER, "--model", str(model), "--uds", socket, "--served-model-name", *base]
    argv += ["--shutdown-timeout", str(DRAIN_SECONDS), "--disable-fastapi-docs"]
    if adapters or options.max_loras:
        at_once = options.max_loras or min(max(adapters, LEAST_AT_ONCE), MOST_AT_ONCE)
        argv += ["--enable-lora", "--max-lora-rank", str(options.max_lora_rank), "--max-loras", str(at_once)]
        argv += ["--max-cpu-loras", str(max(at_once, adapter_names.MOST_ADAPTERS))]
    for name in ("max_model_len", "gpu_memory_utilization", "max_num_seqs", "quantization"):
        if (value := getattr(options, name)) is not None:
            argv += ["--" + name.replace("_", "-"), str(value)]
    argv += ["--enforce-eager"] if options.enforce_eager else []
    # Hub access off: what is served lies on this disk. At most as many choices a request as the gateway allows.
    return Plan(argv, env=ENV)
