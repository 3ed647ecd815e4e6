"""The machine a run trains on, without its cards: processor, memory, disk, and what the run's own processes take."""

import contextlib
import os
import shutil
import time
from pathlib import Path

import psutil

from engine.process.meter import container

TREE_SECONDS = 10.0  # so often the run's processes are looked for anew: that reads the list of all there are


class Host:
    """Looked at again and again; shares of the processor are those since the last look.

    The run's processes are all below `shim` but the caller itself. What two of them share counts twice in their memory.
    """

    def __init__(self, folder: Path, shim: int) -> None:
        self._folder, self._shim = folder, shim
        self._members: dict[int, psutil.Process] = {}
        self._computed: dict[int, float] = {}  # seconds of the processor, by process
        self._looked_at = self._listed_at = 0.0
        psutil.cpu_percent()

    def read(self) -> dict[str, float]:
        """cpu_percent, memory_bytes, disk_bytes of the machine; run_cpu_percent, run_memory_bytes of the run.

        Every percentage is of all cores together, 0 to 100. The run's are left out when none of its processes lives.
        """
        values = {"cpu_percent": psutil.cpu_percent(), "memory_bytes": float(_memory()[0])}
        with contextlib.suppress(OSError):
            values["disk_bytes"] = float(shutil.disk_usage(self._folder).used)
        return values | self._of_run()

    def sizes(self) -> dict[str, float]:
        """memory_bytes, disk_bytes -> how much there is in all."""
        return {"memory_bytes": float(_memory()[1]), "disk_bytes": float(shutil.disk_usage(self._folder).total)}

    def _of_run(self) -> dict[str, float]:
        now = time.monotonic()
        if now - self._listed_at >= TREE_SECONDS or not self._members:
            self._members, self._listed_at = self._listed(), now
        memory, computed = 0, {}
        for pid, member in list(self._members.items()):
            try:
                with member.oneshot():
                    held, time_of_it = member.memory_info().rss, sum(member.cpu_times()[:2])
            except psutil.Error:  # it has ended
                del self._members[pid]
                continue
            if not held:  # it has ended, and nobody has waited for it yet
                del self._members[pid]
                continue
            memory += held
            computed[pid] = time_of_it
        seconds, self._looked_at = now - (self._looked_at or now), now
        worked = sum(time_now - self._computed.get(pid, 0.0) for pid, time_now in computed.items())
        self._computed = computed
        if not computed or seconds <= 0:
            return {}
        share = 100 * worked / (seconds * (os.cpu_count() or 1))
        return {"run_cpu_percent": min(share, 100.0), "run_memory_bytes": float(memory)}

    def _listed(self) -> dict[int, psutil.Process]:
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self._shim).children(recursive=True)
            return {member.pid: self._members.get(member.pid, member) for member in below if member.pid != os.getpid()}
        return {}


def _memory() -> tuple[int, int]:
    """Used and total, in bytes: of the container where that has a limit of its own, else of the machine."""
    machine, limit, used = psutil.virtual_memory(), container.limit_bytes(), container.used_bytes()
    if limit is None or used is None or limit >= machine.total:
        return machine.total - machine.available, machine.total
    return used, limit
