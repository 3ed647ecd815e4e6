"""Serving with vLLM, which lives in a Python environment of its own: its pins and ours cannot be met together.

The environment is named by TUNESMITH_VLLM_PYTHON, or stands under the home in runtimes/vllm. The server listens on a
Unix socket in a folder only its owner can enter, because vLLM's own key leaves several of its routes open. So there is
no key, and none in argv, where every user of the machine could read it.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import RefusedError
from engine.process.plan import Plan
from storage import home
from storage.settings import settings

SERVER = "vllm.entrypoints.openai.api_server"
DRAIN_SECONDS = 8  # the shim kills after ten
INSTALL_HINT = (
    "Install it under Runtimes on the Serve page (`tunesmith runtime install vllm`), set TUNESMITH_VLLM_PYTHON to a "
    "Python that has it, or serve with the backend `transformers`."
)


class VllmOptions(BaseModel):
    """What may be set for a vLLM backend. Names are vLLM's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_model_len: int | None = Field(default=None, ge=1, le=10_000_000, description="Context length in tokens.")
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1, description="Share of the GPU's memory.")
    max_num_seqs: int | None = Field(default=None, ge=1, le=4096, description="Answers computed at once.")
    max_lora_rank: int = Field(default=64, ge=1, le=512, description="Largest LoRA rank that can be loaded.")
    quantization: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,40}$", description="vLLM's method name.")
    enforce_eager: bool = Field(default=False, description="No CUDA graphs: starts faster, answers slower.")


def python() -> Path:
    """The Python that has vLLM. Raises RefusedError, with how to install it, when there is none."""
    configured = settings().vllm_python
    # The folder behind the link: what is put into use later is another version, and must not mix with this one.
    path = configured or home.folder("runtimes", "vllm").resolve() / "bin" / "python"
    if not path.is_file():
        problem = (
            f"TUNESMITH_VLLM_PYTHON names {path}, which does not exist." if configured else "vLLM is not installed."
        )
        raise RefusedError(problem, INSTALL_HINT)
    return path


def plan_vllm(model: Path, base: list[str], adapters: dict[str, Path], socket: str, options: VllmOptions) -> Plan:
    """The command that serves `model` under the names `base`, and each adapter under its served name."""
    argv = [str(python()), "-m", SERVER, "--model", str(model), "--uds", socket, "--served-model-name", *base]
    argv += ["--shutdown-timeout", str(DRAIN_SECONDS), "--disable-fastapi-docs"]
    if adapters:
        modules = [f"{name}={folder}" for name, folder in adapters.items()]
        argv += ["--enable-lora", "--max-lora-rank", str(options.max_lora_rank), "--max-loras", str(len(modules))]
        argv += ["--lora-modules", *modules]
    for name in ("max_model_len", "gpu_memory_utilization", "max_num_seqs", "quantization"):
        if (value := getattr(options, name)) is not None:
            argv += ["--" + name.replace("_", "-"), str(value)]
    argv += ["--enforce-eager"] if options.enforce_eager else []
    # Hub access off: what is served lies on this disk. At most as many choices a request as the gateway allows.
    return Plan(argv, env={"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_MAX_N_SEQUENCES": "8"})
