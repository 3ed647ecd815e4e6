"""The machine tab: what is measured, what is not, what it cost; and a stuck run, whose stack is text."""

from dataclasses import asdict

import pytest

from engine.accounts import prices
from engine.errors import ConflictError, RefusedError
from engine.process import stack_files
from engine.process.meter import samples
from engine.process.meter.samples import Now, Totals
from pages.runs import machine_view, stuck_view, view
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run, RunFacts
from storage.tables.run_facts import Stuck

USED = Totals(
    seconds=3600.0,
    device_seconds=7200.0,
    gpu_joules={"gpu0": 3600.0 * 620},
    gpu_seconds={"gpu0": 1800.0},
    peaks={"gpu0_memory_bytes": 61e9, "gpu1_memory_bytes": 5e9},
)
NOW = Now(
    at=5.0,
    step=12,
    values={
        "cpu_percent": 41.0,
        "run_cpu_percent": 12.0,
        "memory_bytes": 12e9,
        "gpu0_watts": 312.0,
        "gpu0_percent": 98,
    },
    sizes={"memory_bytes": 24e9, "gpu0_memory_bytes": 80e9},
    missing={"Processor power": "Read by root <alone>."},
    totals=USED,
)


def kept(status: RunStatus = RunStatus.RUNNING, device: str = "gpu:0,gpu:1", **facts: object) -> Run:
    row = Run(project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}, device=device, step=12)
    row.status, row.facts = status, RunFacts.model_validate(facts)
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m", status=ModelStatus.READY))
        session.add(Dataset(id="d1", project_id="default", name="d", status=DatasetStatus.READY))
        session.flush()
        session.add(row)
    home.ensure_folder(home.run_folder(row.id))
    return row


def test_what_is_measured_is_shown_with_its_unit_and_what_is_not_says_so() -> None:
    run = kept(machine=asdict(USED))
    samples.keep(home.run_folder(run.id), NOW)
    prices.set_prices("default", prices.Prices(0.5, None, "EUR"))
    page = str(machine_view.show(run, {}))
    for words in (
        "41 %",
        "this run 12 %",
        "12 GB of 24 GB",
        "98 %",
        "312 W",
        "step 12",
        "620 Wh (measured for 30 min)",
    ):
        assert words in page
    assert "<dt>Energy, GPU 1</dt><dd>not measured</dd>" in page
    assert "<dt>Energy, processor</dt><dd>not measured</dd>" in page
    assert "<dt>Cost of energy</dt><dd>0.31 EUR</dd>" in page
    assert "<dt>Cost of devices</dt><dd>no price is set</dd>" in page
    assert "Processor power: Read by root &lt;alone&gt;." in page
    assert "machine/gpu1_memory_bytes" in page  # what was read is drawn
    assert "machine/gpu1_watts" not in page


def test_a_run_that_was_never_looked_at_says_that_and_shows_no_numbers() -> None:
    page = str(machine_view.show(kept(RunStatus.SUCCEEDED, device="cpu"), {}))
    assert "Nothing was measured while this run trained." in page
    assert "Wh" not in page
    assert "ts-chart" not in page


def test_what_was_expected_stands_beside_what_came() -> None:
    forecast = {"seconds": 3000.0, "seconds_source": "measured", "memory_bytes": 50e9, "tokens_per_second": None}
    page = str(machine_view.show(kept(machine=asdict(USED), forecast=forecast), {}))
    for words in ("50 min", "real steps before the start", "1 h", "50 GB", "61 GB", "nothing was known yet"):
        assert words in page


def test_prices_are_set_by_the_form_or_refused_by_name() -> None:
    run = kept(machine=asdict(USED))
    machine_view.set_prices("default", {"price_per_kwh": "0,32", "price_per_device_hour": " ", "currency": "<b>€"})
    assert prices.of_project("default") == prices.Prices(0.32, None, "<b>€")
    page = str(machine_view.show(run, {}))
    assert 'value="0.32"' in page
    assert "<b>€" not in page
    with pytest.raises(RefusedError, match="price_per_kwh cannot be 'cheap'"):
        machine_view.set_prices("default", {"price_per_kwh": "cheap"})
    assert prices.of_project("default").per_kwh == 0.32


def test_a_stuck_run_says_since_when_and_what_it_does_and_its_stack_is_text() -> None:
    stuck = Stuck(attempt=1, step=12, since=100.0, asked_at=500.0)
    run = kept(stuck=stuck, stuck_since=100.0)
    page = str(view.run_html(run, {}))
    assert "The training has made no step for" in page
    assert f"/runs?run={run.id}&amp;tab=machine" in page
    assert "step 12" in str(stuck_view.card_of(run))
    assert "No answer yet" in stuck_view.stacks_html({"run": run.id})
    file = stack_files.file_of(home.run_folder(run.id), 7)
    file.parent.mkdir()
    file.write_text(
        'Current thread 0x1 (most recent call first):\n  File "<img src=x onerror=alert(1)>", line 1 in wait'
    )
    told = stuck_view.stacks_html({"run": run.id})
    assert "&lt;img src=x" in told
    assert "<img" not in told
    assert "There is no run" in stuck_view.stacks_html({"run": "nope"})


def test_a_run_that_lives_can_be_asked_what_it_does_and_one_that_ended_cannot() -> None:
    run = kept()
    card = str(stuck_view.card_of(run))
    assert 'data-act="ask"' in card
    assert stuck_view.stacks_html({"run": run.id}) == ""
    with db.session() as session:
        session.get_one(Run, run.id).status = RunStatus.SUCCEEDED
    with pytest.raises(ConflictError, match="is succeeded"):
        stuck_view.ask(run.id, {})


def test_a_run_that_was_ended_because_it_was_stuck_keeps_the_story() -> None:
    stuck = Stuck(attempt=1, step=12, since=100.0, asked_at=500.0, ended=True)
    run = kept(RunStatus.SUCCEEDED, stuck=stuck)
    assert "ended to continue from its checkpoint" in str(stuck_view.card_of(run))
    assert "no step for" not in str(view.run_html(run, {}))
