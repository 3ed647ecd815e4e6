"""What the machine does now: processor, load, memory, disk, temperatures, cards. What it does not tell is left out.

A look takes milliseconds, but a sick driver may take for ever: one thread looks at a time, and the others get the look
before it.
"""

import contextlib
import os
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

from engine.process import devices, machine
from engine.process.meter.cards import Cards
from storage import home

FRESH_SECONDS = 1.5
FIRST_LOOK_SECONDS = 0.1  # what the processor does is measured between two looks; before the first there is none
PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")  # psutil's names of them


@dataclass(frozen=True)
class Card:
    """A GPU, as far as its driver tells: percent of its time, bytes, degrees Celsius, watts."""

    name: str  # gpu:0
    percent: float | None = None
    memory_used_bytes: int | None = None
    memory_bytes: int | None = None
    temperature: float | None = None
    watts: float | None = None


@dataclass(frozen=True)
class Machine:
    """One look. Percentages are of all cores together, 0 to 100; temperatures in degrees Celsius."""

    at: float
    cores: int
    processor_percent: float
    load: tuple[float, float, float] | None  # processes that compute or wait for it: 1, 5 and 15 minutes
    memory_used_bytes: int
    memory_bytes: int  # of the container, where that has less than the machine
    swap_used_bytes: int
    disk_used_bytes: int
    disk_free_bytes: int
    temperatures: dict[str, float] = field(default_factory=dict)
    cards: tuple[Card, ...] = ()
    missing: tuple[str, ...] = ()  # what the cards do not tell, in words

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Looker:
    """Keeps the newest look of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Machine | None = None
        self._cards: Cards | None = None
        self._times: Any = None  # of the processor, as psutil counts them

    def look(self) -> Machine:
        """The machine as it was a moment ago at most; while another thread looks, its look before."""
        known = self._latest
        if known is not None and time.time() - known.at < FRESH_SECONDS:
            return known
        if not self._lock.acquire(blocking=known is None):
            return known or self.look()
        try:
            self._latest = self._looked(first=known is None)
            return self._latest
        finally:
            self._lock.release()

    def _looked(self, first: bool) -> Machine:
        disk = shutil.disk_usage(home.home() if home.home().exists() else "/")
        total, free = machine.host_memory_bytes(), machine.free_memory_bytes()
        cards, missing = self._read_cards()
        return Machine(
            at=time.time(),
            cores=psutil.cpu_count() or 1,
            processor_percent=self._processor(first),
            load=_load(),
            memory_used_bytes=max(0, total - free),
            memory_bytes=total,
            swap_used_bytes=psutil.swap_memory().used,
            disk_used_bytes=disk.used,
            disk_free_bytes=disk.free,
            temperatures=temperatures(),
            cards=cards,
            missing=missing,
        )

    def _processor(self, first: bool) -> float:
        """Since the look before. psutil counts for each thread by itself, and pages are made by many."""
        if first:
            self._times = psutil.cpu_times()
            time.sleep(FIRST_LOOK_SECONDS)
        before, self._times = self._times, psutil.cpu_times()
        return busy_percent(before, self._times)

    def _read_cards(self) -> tuple[tuple[Card, ...], tuple[str, ...]]:
        names = [name for name in devices.on_this_machine() if name.startswith("gpu:")]
        if not names:
            return (), ()
        if self._cards is None:
            self._cards = Cards([int(name.removeprefix("gpu:")) for name in names])
        values, sizes = self._cards.read(), self._cards.sizes()
        return tuple(_card(name, values, sizes) for name in names), tuple(self._cards.missing.values())


def busy_percent(before: Any, after: Any) -> float:
    """The share of the processor's time between two readings that it did not idle, 0 to 100."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    guests = spent.get("guest", 0.0) + spent.get("guest_nice", 0.0)  # counted in user and nice as well
    total = sum(spent.values()) - guests
    idle = spent["idle"] + spent.get("iowait", 0.0)
    return round(min(100.0, max(0.0, 100 * (total - idle) / total)), 1) if total > 0 else 0.0


def _card(name: str, values: dict[str, float], sizes: dict[str, float]) -> Card:
    key = name.replace(":", "")
    used, total = values.get(f"{key}_memory_bytes"), sizes.get(f"{key}_memory_bytes")
    return Card(
        name,
        values.get(f"{key}_percent"),
        None if used is None else int(used),
        None if total is None else int(total),
        values.get(f"{key}_temperature"),
        values.get(f"{key}_watts"),
    )


def _load() -> tuple[float, float, float] | None:
    """None where the system does not count it."""
    with contextlib.suppress(OSError, AttributeError):
        one, five, fifteen = os.getloadavg()
        return round(one, 2), round(five, 2), round(fifteen, 2)
    return None


def temperatures() -> dict[str, float]:
    """Sensor -> degrees Celsius, the hottest of each chip. Empty in most containers and virtual machines."""
    read = getattr(psutil, "sensors_temperatures", None)  # Linux and FreeBSD alone have it
    hottest: dict[str, float] = {}
    for chip, sensors in (read() if read else {}).items():
        name = "processor" if chip in PROCESSOR_SENSORS else chip
        values = [sensor.current for sensor in sensors if 0 < sensor.current < 150]
        if values:
            hottest[name] = max(hottest.get(name, 0.0), *values)
    return hottest


_looker = Looker()


def look() -> Machine:
    """What the machine does now."""
    return _looker.look()
