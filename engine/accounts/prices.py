"""What energy and devices cost a project, in its own currency, set by a person. Without a price there is no cost."""

import math
from typing import NamedTuple

from engine.errors import RefusedError
from engine.existing import existing
from storage import db
from storage.tables import Project

MOST = 1_000_000.0
LONGEST_CURRENCY = 8


class Prices(NamedTuple):
    """None where there is no price."""

    per_kwh: float | None = None
    per_device_hour: float | None = None
    currency: str = ""

    def of_energy(self, wh: float | None) -> float | None:
        """What so much energy costs; None without a price, or where the energy is not known."""
        return None if wh is None or self.per_kwh is None else wh / 1000 * self.per_kwh

    def of_devices(self, hours: float | None) -> float | None:
        """What so many device hours cost; None without a price, or where they are not known."""
        return None if hours is None or self.per_device_hour is None else hours * self.per_device_hour


def in_words(cost: float, currency: str) -> str:
    """Money as people write it: 1.20 EUR, and less than a tenth to four digits."""
    digits = 2 if cost >= 0.1 or not cost else 4
    return f"{cost:,.{digits}f} {currency}".strip()


def of_project(project_id: str) -> Prices:
    """Raises NotFoundError."""
    with db.reading() as session:
        project = existing(session, Project, project_id)
        return Prices(project.price_per_kwh, project.price_per_device_hour, project.currency)


def set_prices(project_id: str, prices: Prices) -> Project:
    """All three at once. Raises NotFoundError, RefusedError naming the price that cannot be one."""
    currency = _currency(prices.currency)
    per_kwh, per_device_hour = (
        _price(prices.per_kwh, "price_per_kwh"),
        _price(prices.per_device_hour, "price_per_device_hour"),
    )
    with db.session() as session:
        project = existing(session, Project, project_id)
        project.price_per_kwh, project.price_per_device_hour, project.currency = per_kwh, per_device_hour, currency
    return project


def _price(value: float | None, name: str) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 <= value <= MOST):
        hint = f"Write a number from 0 to {MOST:,.0f}, or leave it empty: then no cost is shown."
        raise RefusedError(f"{name} cannot be {value:g}.", hint)
    return value


def _currency(text: str) -> str:
    word = " ".join(text.split())
    if len(word) > LONGEST_CURRENCY or not word.isprintable():
        raise RefusedError(f"{word[:40]!r} cannot be the currency.", f"Use at most {LONGEST_CURRENCY} letters: EUR.")
    return word
