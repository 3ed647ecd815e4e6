"""The energy of this machine's processors, in joules: Intel's and AMD's counters (RAPL), read from Linux' powercap.

Since 2020 most systems let only root read them. Then nothing is guessed: `missing` says so.
Source: Documentation/power/powercap/powercap.rst of Linux; the counters begin again at max_energy_range_uj.
"""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
NO_COUNTER = "This machine has no counter of the processor's energy that can be read (RAPL)."
NOT_ALLOWED = "The counter of the processor's energy can be read by root alone (RAPL)."
MICRO = 1e6


class ProcessorEnergy:
    """Every package of the machine, and its memory where that has a counter of its own."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self.missing = ""
        self._last: dict[Path, float] = {}
        self._zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if _is_counted(zone)]
        if not self._zones:
            self.missing = NO_COUNTER

    def used(self) -> float | None:
        """Joules since the last call; None at the first one, and where it cannot be read."""
        try:
            readings = {zone: _number(zone / "energy_uj") / MICRO for zone in self._zones}
        except PermissionError:
            self.missing = NOT_ALLOWED
            return None
        except (OSError, ValueError):
            self.missing = NO_COUNTER
            return None
        before, self._last = self._last, readings
        if not before or not readings:
            return None
        return sum(_passed(zone, before[zone], now) for zone, now in readings.items())


def _is_counted(zone: Path) -> bool:
    """A package, or the memory beside it. Cores and graphics are parts of their package, and psys holds all of it."""
    try:
        name = (zone / "name").read_text().strip()
    except OSError:
        return False
    return name.startswith("package") or name == "dram"


def _passed(zone: Path, before: float, now: float) -> float:
    return now - before if now >= before else now - before + _number(zone / "max_energy_range_uj") / MICRO


def _number(file: Path) -> float:
    return float(file.read_text())
