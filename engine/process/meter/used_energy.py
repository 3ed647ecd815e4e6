"""The energy in what a run has used, part by part: only what was measured. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine.process.meter.samples import Totals

JOULES_A_WH = 3600.0
PROCESSOR = "processor"  # all of the machine


@dataclass(frozen=True)
class Measured:
    """Energy in Wh, None where it was not measured; `seconds` is for how long it was."""

    what: str  # GPU 0, processor ...
    wh: float | None
    seconds: float


def totals_of(fact: Any) -> Totals | None:
    """What this studio knows of a run's fact `machine`: another version's may have more or fewer."""
    if not isinstance(fact, Mapping):
        return None
    return Totals(**{field.name: fact[field.name] for field in fields(Totals) if field.name in fact})


def parts(totals: Totals) -> list[Measured]:
    """Every card of the run that was seen, then the processors."""
    names = {name.partition("_")[0] for name in totals.peaks if name.startswith("gpu")} | totals.gpu_joules.keys()
    cards = [
        Measured(f"GPU {name.removeprefix('gpu')}", _wh(totals.gpu_joules.get(name)), totals.gpu_seconds.get(name, 0.0))
        for name in sorted(names, key=lambda name: int(name.removeprefix("gpu")))
    ]
    return [*cards, Measured(PROCESSOR, _wh(totals.cpu_joules), totals.cpu_seconds)]


def measured_wh(parts_of_it: Iterable[Measured]) -> float | None:
    """The sum of what was measured; None where nothing was."""
    measured = [part.wh for part in parts_of_it if part.wh is not None]
    return sum(measured) if measured else None


def _wh(joules: float | None) -> float | None:
    return None if joules is None else joules / JOULES_A_WH
