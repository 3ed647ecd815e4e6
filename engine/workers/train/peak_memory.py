"""The most memory a process has taken so far, and how much there is. Light: every point of a training tells it."""

import resource
import sys
from pathlib import Path

import torch

from engine.process.meter import container

STATUS = Path("/proc/self/status")


def peak_bytes(device: str) -> int:
    """In bytes: of the machine on a CPU, reserved by torch on a GPU."""
    if device != "cpu":
        return torch.cuda.max_memory_reserved(device)
    if STATUS.exists():
        return kilobytes("VmHWM") * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def total_bytes(device: str) -> int:
    """All there is of what `peak_bytes` counts, in bytes: the machine's memory, or the GPU's."""
    if device != "cpu":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return container.memory_bytes()


def kilobytes(name: str) -> int:
    """A number of /proc/self/status."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
