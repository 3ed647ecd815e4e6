"""What a training will cost: energy only as earlier runs here have measured it, money only at prices that are there."""

from dataclasses import asdict
from pathlib import Path

import pytest

from engine.accounts.prices import Prices
from engine.process import devices
from engine.process.meter.samples import Totals
from engine.train import spending
from storage import db
from storage.statuses import RunStatus
from storage.tables import Model, Run, RunFacts
from tests.engine.fit.fitting import furnish, recipe

PRICES = Prices(per_kwh=0.5, per_device_hour=2.0, currency="EUR")
PROCESSOR = Totals(seconds=100.0, device_seconds=100.0, cpu_joules=4500.0, cpu_seconds=100.0)


@pytest.fixture(autouse=True)
def furnished(tmp_path: Path) -> None:
    furnish(tmp_path)


def add_run(totals: Totals, model_id: str = "m1", device: str = "cpu") -> None:
    facts = RunFacts.model_validate({"machine": asdict(totals)})
    with db.session() as session:
        if session.get(Model, model_id) is None:
            session.add(Model(id=model_id, source="path", source_id=model_id, name=model_id))
            session.flush()
        session.add(
            Run(project_id="default", name="r", model_id=model_id, dataset_id="d1", recipe={}, device=device,
                status=RunStatus.SUCCEEDED, facts=facts)
        )  # fmt: skip


def said(prices: Prices, seconds: float | None = 3600.0) -> spending.InWords | None:
    return spending.in_words(spending.of(recipe(), prices, seconds))


def test_before_the_first_run_nothing_is_said_without_a_price_and_no_figure_with_one() -> None:
    assert said(Prices()) is None
    assert said(Prices(per_kwh=0.5)) == spending.InWords(
        "Cost", "not known yet", "Energy is known after the first run here."
    )
    words = said(PRICES)
    assert words == spending.InWords(
        "Cost", "about 2.00 EUR for the device", "Energy is known after the first run here."
    )


def test_energy_is_the_power_of_earlier_runs_for_the_time_it_will_take() -> None:
    add_run(PROCESSOR)
    due = spending.of(recipe(), PRICES, 7200.0)
    assert due.wh == pytest.approx(90.0)
    assert due.energy_cost == pytest.approx(0.045)
    assert due.device_cost == pytest.approx(4.0)
    assert due.cost == pytest.approx(4.045)
    basis = "processor at 45 W, from this model's last finished run"
    assert said(PRICES, 7200.0) == spending.InWords(
        "Cost", "about 4.04 EUR", f"90 Wh of energy and 2 hours of a device; {basis}."
    )
    assert said(Prices(), 7200.0) == spending.InWords("Energy", "about 90 Wh", f"{basis[0].upper()}{basis[1:]}.")


@pytest.mark.parametrize(("seconds", "words"), [(21.0, "21 s"), (600.0, "10 min"), (9000.0, "2.5 hours")])
def test_the_time_of_a_device_is_said_in_a_unit_that_fits(seconds: float, words: str) -> None:
    shown = said(Prices(per_device_hour=2.0), seconds)
    assert shown is not None
    assert shown.detail == f"{words} of a device."


def test_runs_of_the_same_model_count_before_those_of_others() -> None:
    add_run(Totals(seconds=10.0, cpu_joules=1000.0, cpu_seconds=10.0), "m2")
    assert spending.of(recipe(), PRICES, 36.0).wh == pytest.approx(1.0)
    assert "this machine's last finished run" in spending.of(recipe(), PRICES, 36.0).basis
    add_run(PROCESSOR)
    assert spending.of(recipe(), PRICES, 3600.0).wh == pytest.approx(45.0)


def test_where_earlier_runs_could_not_read_the_power_that_is_said_and_no_later_figure_promised() -> None:
    add_run(Totals(seconds=100.0, device_seconds=100.0))
    words = said(Prices(per_kwh=0.5))
    assert words == spending.InWords("Cost", "not known yet", "Energy: earlier runs here could not measure it.")
    add_run(Totals(seconds=9.0, gpu_joules={"gpu0": 900.0}, gpu_seconds={"gpu0": 9.0}), device="gpu:0")
    assert said(Prices()) is None  # another device says nothing of this one


def test_several_cards_use_the_power_of_each_and_the_processors_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.inventory, "_cards", ("0, a", "1, b"))
    cards = {"gpu0": 30_000.0, "gpu1": 30_000.0}
    seconds = dict.fromkeys(cards, 100.0)
    totals = Totals(100.0, 200.0, cards, seconds, cpu_joules=10_000.0, cpu_seconds=100.0)
    add_run(totals, device="gpu:0,gpu:1")
    due = spending.of(recipe(strategy="ddp", num_processes=2), PRICES, 3600.0)
    assert due.wh == pytest.approx(700.0)
    assert due.device_hours == pytest.approx(2.0)
    assert due.basis.startswith("GPU at 300 W and processor at 100 W, from")
    both = spending.of(recipe(), PRICES, seconds=3600.0, trained_seconds=7200.0)  # two trials side by side
    assert both.wh == pytest.approx(700.0)


def test_before_the_time_is_known_no_cost_is() -> None:
    add_run(PROCESSOR)
    assert said(PRICES, None) == spending.InWords("Cost", "not known yet", "Known once the time is.")
    assert said(Prices(), None) is None
