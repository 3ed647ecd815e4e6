"""What of this machine decides which runtimes it can have. Asked in milliseconds, without torch."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.process import machine

DRIVER = Path("/proc/driver/nvidia/version")
JOB_BYTES = 1 << 30  # of memory, that a compiler takes for one file at most
_DRIVER_VERSION = re.compile(r"Kernel Module\s+(?:for \S+\s+)?(\d+)\.")


@dataclass(frozen=True)
class Machine:
    """The facts, as the system says them. `driver` is the first number of NVIDIA's; 0 without one."""

    system: str = "Linux"
    processor: str = "x86_64"
    python: tuple[int, int] = (3, 11)
    glibc: tuple[int, int] = (2, 36)  # (0, 0) where the C library is another one
    cpu_flags: frozenset[str] = frozenset()
    gpu_capabilities: tuple[float, ...] = ()
    driver: int = 0
    memory_bytes: int = 0
    programs: frozenset[str] = frozenset()


def look(programs: Iterable[str] = ()) -> Machine:
    """This machine, and which of these programs are on PATH."""
    return Machine(
        platform.system(),
        platform.machine(),
        sys.version_info[:2],
        _glibc(),
        _cpu_flags(),
        tuple(gpu.compute_capability for gpu in machine.visible_gpus()),
        _driver(),
        psutil.virtual_memory().total,
        frozenset(program for program in programs if shutil.which(program, path=os.environ.get("PATH"))),
    )


def jobs() -> int:
    """How many files are compiled at once: one for each processor, as far as the memory allows."""
    by_memory = psutil.virtual_memory().available // JOB_BYTES
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, by_memory))


def _glibc() -> tuple[int, int]:
    name, version = platform.libc_ver()
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if name == "glibc" and numbers else (0, 0)


def _cpu_flags() -> frozenset[str]:
    try:
        text = machine.CPU_FACTS.read_text()
    except OSError:
        return frozenset()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(flags[1].split()) if flags else frozenset()


def _driver() -> int:
    try:
        version = _DRIVER_VERSION.search(DRIVER.read_text())
    except OSError:
        return 0
    return int(version[1]) if version else 0
