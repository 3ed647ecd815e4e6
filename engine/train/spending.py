"""What a training will use and cost, before it starts: energy as earlier runs here used it, at the project's prices.

Nothing is guessed: without a measured power there is no energy, without a price no cost, and what is not known is said.
"""

from dataclasses import dataclass

from engine import sizes
from engine.accounts import prices as priced
from engine.accounts.prices import Prices
from engine.fit import power as fit_power
from engine.fit.power import Power
from engine.recipes import launch_command
from engine.recipes.recipe import Recipe

UNKNOWN = "not known yet"


@dataclass(frozen=True)
class Spending:
    """Of one training, or of all of a sweep. None where it is not known, or has no price."""

    wh: float | None
    basis: str  # what the energy was calculated from, or why it is not known
    device_hours: float | None
    energy_cost: float | None
    device_cost: float | None
    prices: Prices

    @property
    def cost(self) -> float | None:
        """The sum of what has a price; None while a part of that is not known."""
        due = [
            cost
            for price, cost in (
                (self.prices.per_kwh, self.energy_cost),
                (self.prices.per_device_hour, self.device_cost),
            )
            if price is not None
        ]
        known = [cost for cost in due if cost is not None]
        return sum(known) if known and len(known) == len(due) else None


@dataclass(frozen=True)
class InWords:
    title: str  # Energy, or Cost where the project has a price
    value: str
    detail: str


def of(recipe: Recipe, prices: Prices, seconds: float | None, trained_seconds: float | None = None) -> Spending:
    """`seconds` from start to end; `trained_seconds` of all trainings together, where there are several."""
    power = fit_power.power(recipe.model_id)
    if seconds is None:
        return Spending(None, power.source, None, None, None, prices)
    device_seconds = launch_command.devices_wanted(recipe) * (seconds if trained_seconds is None else trained_seconds)
    wh, hours = power.wh(device_seconds, seconds), device_seconds / 3600
    return Spending(wh, _basis(power), hours, prices.of_energy(wh), prices.of_devices(hours), prices)


def _basis(power: Power) -> str:
    """Which power, and from where: "GPU at 310 W, from this model's last 3 finished runs"."""
    parts = (("GPU", power.card), ("processor", power.processor))
    known = " and ".join(f"{what} at {watts:.3g} W" for what, watts in parts if watts is not None)
    return f"{known}, from {power.source}" if known else power.source


def in_words(spending: Spending, about: str = "about") -> InWords | None:
    """A line of it; None where the project has no price and no energy is known: then there is nothing to say."""
    prices, energy = spending.prices, None if spending.wh is None else sizes.energy_in_words(spending.wh)
    if prices.per_kwh is None and prices.per_device_hour is None:
        return InWords("Energy", f"{about} {energy}", _sentence(spending.basis)) if energy else None
    if spending.device_hours is None:
        return InWords("Cost", UNKNOWN, "Known once the time is.")
    if energy is None and prices.per_kwh is not None:
        missing = (
            f"Energy is {spending.basis}." if spending.basis == fit_power.NO_RUNS else f"Energy: {spending.basis}."
        )
        if spending.device_cost is None:
            return InWords("Cost", UNKNOWN, missing)
        return InWords("Cost", f"{about} {_money(spending.device_cost, prices)} for the device", missing)
    return InWords("Cost", f"{about} {_money(spending.cost or 0.0, prices)}", _parts(spending, energy))


def _parts(spending: Spending, energy: str | None) -> str:
    """What the sum is made of."""
    words = [f"{energy} of energy"] if energy else []
    if spending.prices.per_device_hour is not None:
        words.append(f"{_hours(spending.device_hours or 0.0)} of a device")
    return _sentence("; ".join([" and ".join(words), *([spending.basis] if energy else [])]))


def _hours(hours: float) -> str:
    if hours < 2:
        return f"{3600 * hours:.0f} s" if hours < 1 / 30 else f"{60 * hours:.0f} min"
    return f"{hours:.2g} hours" if hours < 10 else f"{hours:,.0f} hours"


def _money(cost: float, prices: Prices) -> str:
    return priced.in_words(cost, prices.currency)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
