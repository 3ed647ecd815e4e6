"""What this machine has already: the Python that TUNESMITH_VLLM_PYTHON names, or the one beside a program on PATH."""

import os
import shutil
from pathlib import Path

from engine.errors import RefusedError
from engine.runtimes.kinds import Kind
from storage.settings import settings


def find(kind: Kind) -> Path | None:
    """The Python that is said to have the runtime, not yet tried; None when there is none. Raises RefusedError."""
    if kind.name == "vllm" and (configured := settings().vllm_python):
        if not os.access(configured, os.X_OK) or configured.is_dir():
            problem = f"TUNESMITH_VLLM_PYTHON is {configured}, and that is not a program this user can start."
            raise RefusedError(problem, "Set it to the Python of an environment that has vLLM, or unset it.")
        return configured
    program = shutil.which(kind.program) if kind.program else None
    if program is None:
        return None
    python = Path(os.path.realpath(program)).parent / "python"
    return python if os.access(python, os.X_OK) else None
