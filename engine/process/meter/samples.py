"""What the sampler leaves in a run's folder, and how it is read. Standard library only: the sampler is a light program.

    machine.jsonl   one line for each stretch of time: {"at", "seconds", "step", "values": {name: value}}
    machine.json    the newest look, and all that was used so far: see `Now`

The first 256 lines stand for two seconds each, the next 256 for four, and so on, whichever attempt writes them: 2,100
lines after a day, 4,100 after a year.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE, NOW = "machine.jsonl", "machine.json"
EVERY_SECONDS = 2.0
LINES_AT_ONE_PACE = 256
MOST_READ = 1 << 20  # bytes at once
# Of these the greatest of a stretch counts, of everything else the mean.
PEAKS = ("_bytes", "_temperature")


@dataclass
class Totals:
    """What a run has used so far, all its attempts together. Energy is None or missing where it was not measured."""

    seconds: float = 0.0  # looked at
    device_seconds: float = 0.0  # the same, times the devices it held
    gpu_joules: dict[str, float] = field(default_factory=dict)  # by card: gpu0 ...
    gpu_seconds: dict[str, float] = field(default_factory=dict)  # how long that was measured
    cpu_joules: float | None = None  # of all processors of the machine
    cpu_seconds: float = 0.0
    peaks: dict[str, float] = field(default_factory=dict)  # the greatest value of each name
    sampler_seconds: float = 0.0  # of one core, that looking has cost


@dataclass
class Now:
    """The newest look. `sizes` says how much there is in all of what is measured in bytes."""

    at: float = 0.0  # seconds since 1970
    step: int = 0
    values: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # what cannot be read, and why
    totals: Totals = field(default_factory=Totals)
    error: str = ""  # why nothing is looked at any more


@dataclass(frozen=True)
class Line:
    """One stretch of time that ends `at`: the training was at `step` then."""

    at: float
    seconds: float
    step: int
    values: dict[str, float]


def pace_seconds(lines: int) -> float:
    """How long a stretch is that begins when there are so many lines."""
    return float(EVERY_SECONDS * 2 ** (lines // LINES_AT_ONE_PACE))


class Stretch:
    """Some looks, one after the other, as one."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._greatest: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._greatest[name] = max(self._greatest.get(name, value), value)
            self._counts[name] = self._counts.get(name, 0) + 1

    def values(self) -> dict[str, float]:
        """name -> the greatest of bytes and temperatures, the mean of everything else."""
        return {
            name: self._greatest[name] if name.endswith(PEAKS) else round(self._sums[name] / count, 3)
            for name, count in self._counts.items()
        }


def append(folder: Path, line: Line) -> None:
    """Adds one line in one write. It begins on a line of its own, whatever a killed sampler has left."""
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" * torn + json.dumps(asdict(line)).encode() + b"\n")
    finally:
        os.close(descriptor)


def keep(folder: Path, now: Now) -> None:
    """Replaces the newest look. Whoever reads finds the one before or this one, whole."""
    draft = folder / f"{NOW}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(now), file)
    draft.replace(folder / NOW)


def count(folder: Path) -> int:
    """How many lines there are."""
    try:
        with (folder / FILE).open("rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


def read(folder: Path, start: int = 0) -> tuple[list[Line], int]:
    """The whole lines after byte `start`, and where to start next time. Torn ones are passed over."""
    try:
        with (folder / FILE).open("rb") as file:
            file.seek(start)
            whole, newline, _partial = file.read(MOST_READ).rpartition(b"\n")
    except FileNotFoundError:
        return [], start
    if not newline:
        return [], start
    return [line for text in whole.splitlines() if (line := _line(text))], start + len(whole) + 1


def latest(folder: Path) -> Now | None:
    """The newest look; None when there was none, or it cannot be read."""
    try:
        content = json.loads((folder / NOW).read_text(encoding="utf-8"))
        return Now(**content | {"totals": Totals(**content["totals"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _line(text: bytes) -> Line | None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        content: dict[str, Any] = json.loads(text)
        values = {str(name): float(value) for name, value in content["values"].items()}
        return Line(float(content["at"]), float(content["seconds"]), int(content["step"]), values)
    return None
