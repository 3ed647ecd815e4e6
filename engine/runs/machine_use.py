"""What a run has used: time, energy, money, beside what was expected before it began. Pure, but for the last three.

Energy is only what was measured. What no sensor told is left out of every sum, and `unmeasured` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.accounts.prices import Prices
from engine.process.meter import used_energy
from engine.process.meter.samples import Totals
from engine.process.meter.used_energy import Measured
from engine.recipes.recipe import Recipe
from engine.train import forecast
from storage.tables import Dataset, Model, Run, RunFacts

WHOLE_SHARE = 0.98  # measured for so much of the time is all of it: starting and ending take their moments


@dataclass(frozen=True)
class Expected:
    """A number before the start, and what it came to so far; None where it is not known."""

    what: str  # seconds, memory_bytes, tokens_per_second
    expected: float | None
    basis: str  # measured by a probe, or an estimate
    came: float | None


@dataclass(frozen=True)
class MachineUse:
    """Of all attempts of a run together, until now."""

    seconds: float | None
    device_hours: float | None
    energy: list[Measured]
    wh: float | None  # the sum of what was measured
    energy_cost: float | None
    device_cost: float | None
    currency: str
    expected: list[Expected]


def of(run: Run, prices: Prices) -> MachineUse:
    """From the facts of a run. A run of an older studio has none: then nothing is known, and nothing is guessed."""
    totals = used_energy.totals_of(run.facts.machine)
    if totals is None:
        return MachineUse(None, None, [], None, None, None, prices.currency, _expected(run, None))
    energy, hours = used_energy.parts(totals), totals.device_seconds / 3600
    wh = used_energy.measured_wh(energy)
    return MachineUse(
        seconds=totals.seconds,
        device_hours=hours,
        energy=energy,
        wh=wh,
        energy_cost=prices.of_energy(wh),
        device_cost=prices.of_devices(hours),
        currency=prices.currency,
        expected=_expected(run, totals),
    )


def memory_and_energy(run: Run) -> tuple[float | None, float | None]:
    """(most bytes, Wh) that a run has used; None for what was not measured."""
    totals = used_energy.totals_of(run.facts.machine)
    return _memory(run, totals), used_energy.measured_wh(used_energy.parts(totals)) if totals else None


def cards_of(run: Run) -> list[str]:
    """The cards a run holds or has held: gpu0, gpu1 ..."""
    return [name.replace(":", "") for name in (run.device or "").split(",") if name.startswith("gpu:")]


def is_partial(part: Measured, seconds: float | None) -> bool:
    """Whether it was measured for a part of the time only."""
    return part.wh is not None and seconds is not None and part.seconds < WHOLE_SHARE * seconds - 5


def _expected(run: Run, totals: Totals | None) -> list[Expected]:
    before = run.facts.forecast
    if not isinstance(before, Mapping):
        return []
    came = {
        "seconds": totals.seconds if totals else None,
        "memory_bytes": _memory(run, totals),
        "tokens_per_second": run.tokens_per_second,
    }
    return [
        Expected(name, before.get(name), str(before.get(f"{name}_source", "estimate")), value)
        for name, value in came.items()
    ]


def _memory(run: Run, totals: Totals | None) -> float | None:
    """The most memory it took: of the fullest of its cards, or of its processes on a CPU."""
    peaks = totals.peaks if totals else {}
    names = [f"{card}_memory_bytes" for card in cards_of(run)] or ["run_memory_bytes"]
    return max((peaks[name] for name in names if name in peaks), default=None)


def expected(recipe: Recipe, model: Model, dataset: Dataset) -> RunFacts:
    """The forecast of a run, to be kept with it: what the Train page shows at this moment. Takes milliseconds."""
    before = forecast.of(recipe, model, dataset)
    return RunFacts(
        forecast={
            "seconds": before.time.seconds,
            "seconds_source": before.time.source,
            "memory_bytes": before.memory.needed,
            "memory_bytes_source": before.memory.source,
            "tokens_per_second": before.time.tokens_per_second,
            "tokens_per_second_source": before.time.source,
        }
    )
