"""The most memory a process has taken so far. Light: every training tells it at its end."""

import resource
import sys
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")


def peak_bytes(device: str) -> int:
    """In bytes: of the machine on a CPU, reserved by torch on a GPU."""
    if device != "cpu":
        return torch.cuda.max_memory_reserved(device)
    if STATUS.exists():
        return kilobytes("VmHWM") * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def kilobytes(name: str) -> int:
    """A number of /proc/self/status."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
