"""What a run has used and cost: only what was measured, at prices that are there, beside what was expected."""

from dataclasses import asdict

import pytest

from engine.accounts.prices import Prices
from engine.process.meter.samples import Totals
from engine.runs import machine_use
from storage.tables import Run, RunFacts

PRICES = Prices(per_kwh=0.30, per_device_hour=2.0, currency="EUR")
TWO_CARDS = Totals(
    seconds=3600.0,
    device_seconds=7200.0,
    gpu_joules={"gpu1": 3600.0 * 700, "gpu10": 3600.0 * 300},
    gpu_seconds={"gpu1": 3600.0, "gpu10": 1800.0},
    peaks={"gpu1_memory_bytes": 70e9, "gpu10_memory_bytes": 60e9, "gpu1_watts": 710.0, "run_memory_bytes": 5e9},
)


def run(totals: Totals | None, device: str = "gpu:1,gpu:10", **facts: object) -> Run:
    known = RunFacts.model_validate({"machine": asdict(totals) if totals else None, **facts})
    return Run(id="r", name="r", project_id="p", model_id="m", dataset_id="d", recipe={}, device=device, facts=known)


def test_energy_is_the_sum_of_what_was_measured_and_costs_what_the_project_says() -> None:
    use = machine_use.of(run(TWO_CARDS), PRICES)
    assert [(part.what, part.wh) for part in use.energy] == [("GPU 1", 700.0), ("GPU 10", 300.0), ("processor", None)]
    assert (use.wh, use.device_hours) == (1000.0, 2.0)
    assert use.energy_cost == pytest.approx(0.30)
    assert (use.device_cost, use.currency) == (4.0, "EUR")
    assert [machine_use.is_partial(part, use.seconds) for part in use.energy] == [False, True, False]


def test_without_a_price_or_a_measurement_there_is_no_cost() -> None:
    assert machine_use.of(run(TWO_CARDS), Prices()).energy_cost is None
    assert machine_use.of(run(TWO_CARDS), Prices()).device_cost is None
    unmeasured = machine_use.of(run(Totals(seconds=60.0, device_seconds=60.0), device="cpu"), PRICES)
    assert (unmeasured.wh, unmeasured.energy_cost) == (None, None)
    assert unmeasured.device_cost == pytest.approx(2 / 60)
    free = machine_use.of(run(TWO_CARDS), Prices(per_kwh=0.0))
    assert free.energy_cost == 0.0


def test_a_card_that_was_seen_and_tells_no_power_is_not_measured() -> None:
    seen = Totals(seconds=9.0, peaks={"gpu0_memory_bytes": 1e9})
    assert [(part.what, part.wh) for part in machine_use.of(run(seen, "gpu:0"), PRICES).energy] == [
        ("GPU 0", None),
        ("processor", None),
    ]


def test_a_run_of_an_older_studio_has_used_nobody_knows_what() -> None:
    use = machine_use.of(run(None), PRICES)
    assert (use.seconds, use.wh, use.energy_cost, use.device_cost, use.expected) == (None, None, None, None, [])
    later = RunFacts.model_validate({"machine": {"seconds": 5.0, "of_a_later_studio": 1}})
    assert machine_use.of(Run(**{**run(None).model_dump(), "facts": later}), PRICES).seconds == 5.0


def test_what_was_expected_stands_beside_what_came() -> None:
    forecast = {"seconds": 3000.0, "seconds_source": "measured", "memory_bytes": 65e9, "tokens_per_second": None}
    rows = machine_use.of(run(TWO_CARDS, forecast=forecast), PRICES).expected
    assert [(row.what, row.expected, row.basis, row.came) for row in rows] == [
        ("seconds", 3000.0, "measured", 3600.0),
        ("memory_bytes", 65e9, "estimate", 70e9),
        ("tokens_per_second", None, "estimate", None),
    ]
    on_cpu = machine_use.of(run(TWO_CARDS, device="cpu", forecast=forecast), PRICES).expected
    assert on_cpu[1].came == 5e9
