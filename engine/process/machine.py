"""What the device that trains here can do: its memory and its bfloat16, asked without torch, which takes seconds."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import psutil

from engine.process import devices, process
from engine.process.meter import container

CPU_FACTS = Path("/proc/cpuinfo")
BF16_COMPUTE_CAPABILITY = 8.0  # Ampere, the first NVIDIA generation with bfloat16 in hardware


class Gpu(NamedTuple):
    name: str  # gpu:0, as engine.process.devices calls it
    memory_bytes: int
    compute_capability: float


def memory_bytes() -> int:
    """The memory of the smallest GPU, or without one of the machine, or of the container if that has less."""
    if gpus := visible_gpus():
        return min(gpu.memory_bytes for gpu in gpus)
    return host_memory_bytes()


def host_memory_bytes() -> int:
    """The memory of the machine itself, or of the container if that has less."""
    return container.memory_bytes()


def free_memory_bytes() -> int:
    """What a new process can take of the machine's memory now, or of the container's if that has less left.

    Of a container's use, what the kernel can drop at once (files it has read) does not count.
    """
    free = psutil.virtual_memory().available
    limit, used = container.limit_bytes(), container.used_bytes()
    if limit is None or used is None:
        return free
    return min(free, max(0, limit - used))


def has_gpu() -> bool:
    return devices.on_this_machine() != (devices.CPU,)


def computes_bf16() -> bool:
    """Whether bfloat16 is computed in hardware. A CPU without it emulates, slower than float32."""
    if gpus := visible_gpus():
        return all(gpu.compute_capability >= BF16_COMPUTE_CAPABILITY for gpu in gpus)
    return not has_gpu() and _cpu_has_bf16()


@lru_cache(maxsize=1)
def _cpu_has_bf16() -> bool:
    try:
        flags = CPU_FACTS.read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def visible_gpus() -> list[Gpu]:
    """The GPUs that a training may be given; none on a CPU."""
    names = devices.on_this_machine()
    return [gpu for gpu in map(parsed, specifications.cards()) if gpu.name in names] if has_gpu() else []


def refresh() -> None:
    """Asks the driver again for what it has not answered yet. Takes seconds, so for a thread that nobody waits for."""
    devices.refresh()
    if has_gpu():
        specifications.refresh()


def _ask_driver() -> tuple[str, ...] | None:
    query = "--query-gpu=index,memory.total,compute_cap"
    listing = process.output(["nvidia-smi", query, "--format=csv,noheader,nounits"])
    return None if listing is None else tuple(line for line in listing.splitlines() if line.count(",") == 2)


specifications = devices.Inventory(_ask_driver)  # what `parsed` reads


def parsed(line: str) -> Gpu:
    """A line of nvidia-smi: index, MiB, compute capability."""
    index, mebibytes, capability = (part.strip() for part in line.split(","))
    return Gpu(f"gpu:{index}", int(mebibytes) << 20, float(capability))
