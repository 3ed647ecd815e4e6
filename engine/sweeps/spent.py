"""What the trials of sweeps have used and cost so far: the sum over their runs, all attempts, of what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from engine import sizes
from engine.accounts import prices
from engine.accounts.prices import Prices
from engine.process import devices
from engine.process.meter import used_energy
from engine.process.meter.samples import Totals
from storage.sweeps import trials as stored
from storage.tables import Project, Sweep

NO_PRICES = Prices()


@dataclass(frozen=True)
class Spent:
    """Of `runs` runs that were looked at while they trained; the energy was measured in `measured` of them.

    `cards_only`: trials train side by side on GPUs, and what the processors use belongs to none of them alone.
    """

    runs: int = 0
    measured: int = 0
    device_hours: float = 0.0
    wh: float | None = None
    cards_only: bool = False
    prices: Prices = NO_PRICES

    @property
    def energy_cost(self) -> float | None:
        """At today's price; None without one, or where nothing was measured."""
        return self.prices.of_energy(self.wh)

    @property
    def device_cost(self) -> float | None:
        """The same of the devices."""
        return self.prices.of_devices(self.device_hours) if self.runs else None

    def facts(self) -> dict[str, Any]:
        """In plain values."""
        names = ("runs", "measured", "device_hours", "wh", "energy_cost", "device_cost")
        return {**{name: getattr(self, name) for name in names}, "currency": self.prices.currency}


def of_sweeps(session: Session, sweeps: Sequence[Sweep]) -> dict[str, Spent]:
    """By id, in a query and one for each project. Runs that were deleted are gone, and not in it."""
    facts = stored.machine_facts(session, [sweep.id for sweep in sweeps])
    project_ids = {sweep.project_id for sweep in sweeps}
    rates = {project_id: _rates(session.get_one(Project, project_id)) for project_id in project_ids}
    return {
        sweep.id: _sum(facts.get(sweep.id, ()), rates[sweep.project_id], sweep.spec.get("parallel", 1) > 1)
        for sweep in sweeps
    }


def _rates(project: Project) -> Prices:
    return Prices(project.price_per_kwh, project.price_per_device_hour, project.currency)


def _sum(facts: Iterable[tuple[str | None, Any]], rates: Prices, side_by_side: bool) -> Spent:
    known = [
        (totals, side_by_side and device != devices.CPU)
        for device, fact in facts
        if (totals := used_energy.totals_of(fact))
    ]
    measured = [wh for totals, cards_only in known if (wh := _wh(totals, cards_only)) is not None]
    wh, hours = sum(measured) if measured else None, sum(totals.device_seconds for totals, _ in known) / 3600
    return Spent(len(known), len(measured), hours, wh, any(cards_only for _, cards_only in known), rates)


def _wh(totals: Totals, cards_only: bool) -> float | None:
    parts = used_energy.parts(totals)
    return used_energy.measured_wh(part for part in parts if not (cards_only and part.what == used_energy.PROCESSOR))


def in_words(spent: Spent) -> list[tuple[str, str]]:
    """Energy and cost, each with what its sum leaves out; nothing where nothing was measured or has a price."""
    lines = [("Energy", f"{sizes.energy_in_words(spent.wh)}{_part(spent)}")] if spent.wh is not None else []
    is_missing = bool(spent.runs) and spent.prices.per_kwh is not None and spent.wh is None
    known = [cost for cost in (spent.energy_cost, spent.device_cost) if cost is not None]
    if known:
        without = " for devices; energy was not measured" if is_missing else ""
        lines.append(("Cost", f"{prices.in_words(sum(known), spent.prices.currency)}{without}"))
    elif is_missing:
        lines.append(("Cost", "not known: energy was not measured"))
    return lines


def _part(spent: Spent) -> str:
    left_out = ["GPUs only"] if spent.cards_only else []
    if spent.measured < spent.runs:
        left_out.append(f"measured in {spent.measured:,} of {spent.runs:,} runs")
    return f" ({', '.join(left_out)})" if left_out else ""
