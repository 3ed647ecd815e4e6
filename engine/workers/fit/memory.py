"""How much memory a process takes at most, and a limit that ends an allocation instead of the machine.

On a CPU the peak is what Linux calls VmHWM, which is set back before each measurement; the limit is on writable memory
(RLIMIT_DATA), so that torch is refused and no other process is killed. On a GPU both are torch's own.
"""

import ctypes
import gc
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil
import torch

from engine.fit import memory
from engine.process import machine
from engine.workers import contract
from engine.workers.train.peak_memory import STATUS, kilobytes, peak_bytes

CLEAR = Path("/proc/self/clear_refs")
SHARE_OF_FREE = 0.95  # of what is free now; the rest is for what else happens on the machine
NO_MORE = (  # of libraries that say it differently
    "bad_alloc",
    "could not create a memory",
    "could not create a primitive",
    "could not execute a primitive",
    "cannot allocate memory",
    "can't start new thread",
)
STACKS_A_CORE = 32 << 20  # address space of threads that are yet to come; hardly any of it is ever in memory


class Meter(Protocol):
    """Measures one process on one device, in bytes."""

    name: str
    budget: int  # what this process may take

    def limit(self) -> None:
        """Holds the process to the budget from here on: more is refused with an error."""
        ...

    def release(self) -> None:
        """Lets go of it."""
        ...

    def now(self) -> int:
        """What it takes now."""
        ...

    def peak(self) -> int:
        """The most it took since the last `reset`."""
        ...

    def reset(self) -> None:
        """Gives back what is not used any more, and forgets the peak."""
        ...

    def wait(self) -> None:
        """Until everything asked of the device is computed."""
        ...


@contextmanager
def limited(device: str) -> Iterator[Meter]:
    """Measures cpu or cuda:N; inside, the whole process is held to the meter's budget."""
    meter: Meter = CpuMeter() if device == "cpu" else GpuMeter(device)
    meter.limit()
    try:
        yield meter
    finally:
        meter.release()


class CpuMeter:
    """A CPU and the machine's memory."""

    name = "cpu"

    def __init__(self) -> None:
        free = psutil.virtual_memory().available + self.now()
        self.budget = int(min(free * SHARE_OF_FREE, machine.memory_bytes() * memory.SHARE_OF_MEMORY))
        self._before = resource.getrlimit(resource.RLIMIT_DATA)

    def limit(self) -> None:
        """What the budget leaves may be added to what the process has, of which not all is in memory."""
        if not STATUS.exists():
            return
        soft, hard = self._before
        stacks = STACKS_A_CORE * (os.cpu_count() or 1)
        data_limit = kilobytes("VmData") * 1024 + max(0, self.budget - self.now()) + stacks
        if soft == resource.RLIM_INFINITY or data_limit < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (data_limit, hard))

    def release(self) -> None:
        resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def now(self) -> int:
        return int(psutil.Process().memory_info().rss)

    def peak(self) -> int:
        return peak_bytes("cpu")

    def reset(self) -> None:
        gc.collect()
        if sys.platform == "linux":
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
            if trim is not None:
                trim(0)
        if CLEAR.exists():
            CLEAR.write_text("5")  # Documentation/filesystems/proc.rst: resets VmHWM to the size now

    def wait(self) -> None:
        """Nothing: a CPU answers when it is done."""


class GpuMeter:
    """One NVIDIA GPU, as torch sees it. What the CUDA context takes is gone from the budget already."""

    def __init__(self, device: str) -> None:
        self.name = torch.cuda.get_device_name(device)
        self.device = device
        free, self.total = torch.cuda.mem_get_info(device)
        self.budget = int(free * SHARE_OF_FREE)

    def limit(self) -> None:
        torch.cuda.set_per_process_memory_fraction(self.budget / self.total, self.device)

    def release(self) -> None:
        torch.cuda.set_per_process_memory_fraction(1.0, self.device)

    def now(self) -> int:
        return torch.cuda.memory_reserved(self.device)

    def peak(self) -> int:
        return peak_bytes(self.device)

    def reset(self) -> None:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)

    def wait(self) -> None:
        torch.cuda.synchronize(self.device)


def ran_out(error: BaseException) -> bool:
    """Whether the error says that there was no more memory, in whatever library's words."""
    if contract.failure(error).category == "memory":
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in NO_MORE)
