"""What a sweep has used and cost: the sum of its own runs, of what was measured, and how long each trial's run took."""

from dataclasses import asdict
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from engine.accounts import prices
from engine.process.meter.samples import Totals
from engine.sweeps import spent, sweeps
from pages.sweeps import page
from storage import db
from storage.statuses import RunStatus, SweepStatus
from storage.tables import Run, RunFacts, Sweep, SweepTrial
from tests.app.cli.test_commands import run as tunesmith
from tests.engine.sweeps import stored_sweeps as given

MEASURED = Totals(seconds=3600.0, device_seconds=3600.0, cpu_joules=360_000.0, cpu_seconds=3600.0)
LOOKED_AT = Totals(seconds=1800.0, device_seconds=1800.0)


@pytest.fixture
def sweep_id(monkeypatch: pytest.MonkeyPatch) -> str:
    """Two trials of its own, one of which waited long and ran twice, and one from an earlier sweep."""
    given.furnish(monkeypatch)
    sweep_id = given.create()
    with db.session() as session:
        session.get_one(Sweep, sweep_id).status = SweepStatus.SUCCEEDED
    add_trial(sweep_id, 0, MEASURED, attempt=2, seconds_before=40.0)
    add_trial(sweep_id, 1, LOOKED_AT)
    add_trial(sweep_id, 2, MEASURED, own=False)
    return sweep_id


def add_trial(sweep_id: str, number: int, totals: Totals, own: bool = True, attempt: int = 1, **facts: Any) -> None:
    known = RunFacts.model_validate({"machine": asdict(totals), **facts})
    run = Run(
        project_id="default", name=f"trial {number}", model_id="m1", dataset_id="d1", recipe={}, device="cpu",
        status=RunStatus.SUCCEEDED, facts=known, attempt=attempt, created_at=1000.0, started_at=1900.0, ended_at=1980.0,
        sweep_id=sweep_id if own else None,
    )  # fmt: skip
    trial = SweepTrial(
        sweep_id=sweep_id, number=number, params={"learning_rate": 0.01}, run_id=run.id, state="complete"
    )
    trial.values, trial.started_at, trial.ended_at, trial.is_put_away = [0.5], 1000.0, 2000.0, True
    with db.session() as session:
        session.add(run)
        session.flush()
        session.add(trial)


def test_a_trial_took_as_long_as_the_processes_of_its_run_ran(sweep_id: str, owner: TestClient) -> None:
    assert [trial.seconds for trial in sweeps.picture(sweep_id).trials] == [120.0, 80.0, 80.0]
    table = page.sweeps_html({"sweep": sweep_id, "tab": "trials"})
    assert table.count("1 min 20 s") == 2
    assert "16 min" not in table
    for path in ("", "/trials"):
        shown = owner.get(f"/api/sweeps/{sweep_id}{path}").json()
        assert [trial["seconds"] for trial in (shown if path else shown["trials"])] == [120.0, 80.0, 80.0]


def test_a_sweep_says_what_its_own_runs_have_used_and_cost(sweep_id: str, owner: TestClient) -> None:
    assert "<dt>Energy</dt><dd>100 Wh (measured in 1 of 2 runs)</dd>" in page.sweeps_html({"sweep": sweep_id})
    assert "<dt>Cost</dt>" not in page.sweeps_html({"sweep": sweep_id})
    prices.set_prices("default", prices.Prices(0.5, 2.0, "EUR"))
    assert "<dt>Cost</dt><dd>3.05 EUR</dd>" in page.sweeps_html({"sweep": sweep_id})
    assert owner.get(f"/api/sweeps/{sweep_id}").json()["spent"] == {
        "runs": 2, "measured": 1, "device_hours": 1.5, "wh": pytest.approx(100.0), "currency": "EUR",
        "energy_cost": pytest.approx(0.05), "device_cost": pytest.approx(3.0),
    }  # fmt: skip
    told = tunesmith("sweeps", "show", sweep_id).stdout
    assert "energy: 100 Wh (measured in 1 of 2 runs)" in told
    assert "cost: 3.05 EUR" in told


@pytest.mark.parametrize(("given_gpu", "wh"), [(True, None), (False, 100.0)])
def test_of_trials_side_by_side_on_gpus_the_processors_belong_to_none_alone(
    sweep_id: str, given_gpu: bool, wh: float | None
) -> None:
    with db.session() as session:
        sweep = session.get_one(Sweep, sweep_id)
        sweep.spec = sweep.spec | {"parallel": 2}
        for run in session.exec(select(Run).where(Run.sweep_id == sweep_id)):
            run.device = "gpu:0" if given_gpu else run.device
    prices.set_prices("default", prices.Prices(0.5, 2.0, "EUR"))
    with db.reading() as session:
        used = spent.of_sweeps(session, [session.get_one(Sweep, sweep_id)])[sweep_id]
    assert used.wh == (None if wh is None else pytest.approx(wh))
    if given_gpu:
        assert spent.in_words(used) == [("Cost", "3.00 EUR for devices; energy was not measured")]
