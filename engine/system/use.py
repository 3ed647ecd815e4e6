"""How busy this machine was in the last hour: a look every fifteen seconds, in the memory of the studio alone.

`keep` is called by the thread of engine.life.upkeep, and never waits: a driver or a disk that does not answer keeps one
look, not the thread. Each look measures the processor since the look before, so nothing between them is missed.
"""

import shutil
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import psutil

from engine.process import machine
from engine.process.answers import Answers
from engine.system import machine_now
from engine.system.machine_now import Card
from storage import home

EVERY_SECONDS = 15.0
KEPT = 240  # looks: an hour


@dataclass(frozen=True)
class Sample:
    """One look. The percentage is of all cores together, 0 to 100, since the look before."""

    at: float  # seconds since 1970
    processor_percent: float
    memory_used_bytes: int
    disk_used_bytes: int
    cards: tuple[Card, ...] = ()


class History:
    """The looks of an hour; the oldest goes when a new one comes."""

    def __init__(self, kept: int = KEPT) -> None:
        self._samples: deque[Sample] = deque(maxlen=kept)
        self._times: Any = None  # of the processor, as psutil counts them

    def look(self) -> None:
        """Looks once. The first time there is nothing to measure the processor from, so nothing is kept."""
        before, self._times = self._times, psutil.cpu_times()
        if before is None:
            return
        memory = machine.host_memory_bytes() - machine.free_memory_bytes()
        cards = machine_now.look().cards if machine.has_gpu() else ()
        percent = machine_now.busy_percent(before, self._times)
        self._samples.append(Sample(time.time(), percent, max(0, memory), _disk().used, cards))

    def samples(self) -> tuple[Sample, ...]:
        """The oldest first."""
        return tuple(self._samples)


def _disk() -> Any:
    return shutil.disk_usage(home.home() if home.home().exists() else "/")


def sizes() -> tuple[int, int]:
    """The whole memory, and the disk that holds the home as far as it can be filled, in bytes."""
    disk = _disk()
    return machine.host_memory_bytes(), disk.used + disk.free


_history = History()
_looks: Answers[None] = Answers("machine use", places=1)


def keep() -> None:
    """Has the machine looked at, unless the look before is still under way."""
    if _looks.to("machine", _history.look) is not None:
        _looks.to("machine", _history.look)


def last_hour() -> tuple[Sample, ...]:
    """What was seen in the last hour, or since the studio started; the oldest first."""
    return _history.samples()
