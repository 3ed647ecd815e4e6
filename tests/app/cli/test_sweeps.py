"""`tunesmith sweep` and `tunesmith sweeps`, as a person uses them."""

from pathlib import Path

import pytest
import yaml

from engine.accounts import prices
from storage import db
from storage.statuses import SweepStatus
from storage.tables import Sweep, SweepTrial
from tests.app.cli.test_commands import run
from tests.engine.sweeps import stored_sweeps as given


@pytest.fixture
def sweep_id(monkeypatch: pytest.MonkeyPatch) -> str:
    given.furnish(monkeypatch)
    sweep_id = given.create(parallel=4)
    with db.session() as session:
        sweep = session.get_one(Sweep, sweep_id)
        sweep.status, sweep.reason = SweepStatus.SUCCEEDED, "All 2 trials were made."
        best, failed = (SweepTrial(sweep_id=sweep_id, number=number, params={"lora_r": 8}) for number in (0, 1))
        best.state, best.values, failed.state, failed.reason = "complete", [0.25], "failed", "No room."
        session.add_all([best, failed])
    return sweep_id


def test_sweeps_are_listed_shown_and_deleted_by_id_or_name(sweep_id: str) -> None:
    line = "rates: succeeded, 2 of 4 trials, 1 failed, best 0.25 (trial 0: lora_r=8)"
    assert run("sweeps", "list").stdout.strip() == f"{sweep_id}  {line}"
    shown = run("sweeps", "show", "rates").stdout
    assert "All 2 trials were made." in shown
    assert "1 at a time: more than that the devices here do not allow." in shown
    assert "1  failed             -  -             lora_r=8  No room." in shown
    assert "There is no sweep `other`" in run("sweeps", "show", "other").stderr
    assert "has ended already (succeeded)" in run("sweeps", "stop", "rates").stderr
    assert run("sweeps", "delete", sweep_id).returncode == 0
    assert run("sweeps", "list").stdout == ""


def test_a_sweep_in_a_file_is_estimated_before_it_starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    prices.set_prices("default", prices.Prices(0.5, None, "EUR"))
    file = home / "sweep.yaml"
    file.write_text(yaml.safe_dump(given.asked()))
    told = run("sweeps", "estimate", str(file))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("trials      4")
    assert "cost        not known yet (" in told.stdout
    assert run("sweeps", "list").stdout == ""


def test_a_file_that_is_no_sweep_is_refused_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    file = home / "bad.yaml"
    file.write_text(yaml.safe_dump(given.asked(space={"learning_rate": {"low": 1.0, "high": 0.5}})))
    refused = run("sweep", str(file))
    assert refused.returncode == 1
    assert "learning_rate" in refused.stderr
    assert "Traceback" not in refused.stderr
