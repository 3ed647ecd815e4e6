"""Sweeps come back from their folders when the database is deleted, and go on."""

import json
from typing import Any

import pytest
from sqlmodel import col, select

from engine.life import orphans
from engine.registry import kept_sweeps, manifests
from engine.registry.repair import repair
from engine.sweeps import deleting, sweeps
from storage import db, home
from storage.statuses import SweepStatus
from storage.tables import Sweep, SweepTrial, TrialPick
from tests import fake_trial
from tests.engine.registry.test_repair import lose_the_database
from tests.engine.sweeps import stored_sweeps as given


def rows() -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, Any] = {"sweep": Sweep, "trial": SweepTrial, "trial_pick": TrialPick}
    with db.reading() as session:
        return {
            name: sorted((row.model_dump(mode="json") for row in session.exec(select(table))), key=str)
            for name, table in tables.items()
        }


def over(**changes: Any) -> str:
    """A sweep by taste that is over, with a trial that diverged, and one pick."""
    sweep_id = given.create(objective={"metric": "taste"}, **changes)
    with db.session() as session:
        row = session.get_one(Sweep, sweep_id)
        row.status, row.reason, row.ended_at = SweepStatus.SUCCEEDED, "All 2 trials were made.", 9.0
        for number, steps in enumerate([{"2": 1.5}, {"2": float("nan")}, {}]):
            params = {"learning_rate": 1e-4}
            session.add(SweepTrial(sweep_id=sweep_id, number=number, state="complete", params=params, steps=steps))
    sweeps.pick(sweep_id, 1, 2)
    return sweep_id


def test_a_sweep_that_is_over_comes_back_with_its_trials_and_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    sweep_id = over()
    kept_sweeps.keep_up()
    manifests.keep_up()
    before, scores = rows(), [trial.values for trial in sweeps.picture(sweep_id).trials]
    lose_the_database()
    assert rows()["sweep"] == []
    assert "sweeps" in orphans.NOUNS
    assert orphans._lost("sweeps") == {sweep_id}  # is not swept away before somebody repairs
    outcome = repair.repair()
    assert json.dumps(rows()) == json.dumps(before)  # as text, for a diverged loss equals nothing
    assert outcome.rebuilt["sweep"] == ["rates"]
    assert [trial.values for trial in sweeps.picture(sweep_id).trials] == scores
    assert not repair.repair().rebuilt
    sweeps.pick(sweep_id, 0, 2)
    file = kept_sweeps.folder(sweep_id) / manifests.FILE
    kept_sweeps.keep_up()
    assert len(manifests.read(file.parent)["trial_pick"]) == 2
    written = file.stat().st_mtime_ns
    kept_sweeps.keep_up()
    assert file.stat().st_mtime_ns == written
    deleting.free(deleting.delete(sweep_id))
    assert not file.exists()


def test_one_under_way_goes_on_and_trials_younger_than_its_file_are_found_by_their_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given.furnish(monkeypatch, steps=8)
    home.ensure_folder(home.blobs())
    (home.blobs() / f"{'0' * 64}.parquet").touch()  # as if the dataset had rows
    sweep_id = given.create(budget={"trials": 3})
    given.until(lambda: given.trials(sweep_id) and given.trials(sweep_id)[0].state == "complete")
    kept_sweeps.keep_up()
    given.until(lambda: len(given.trials(sweep_id)) > 1 and given.trials(sweep_id)[1].state == "complete")
    manifests.keep_up()  # the runs are newer than the file of the sweep
    before = given.trials(sweep_id)[:2]
    kept = manifests.read(kept_sweeps.folder(sweep_id))["trial"]
    assert [trial["state"] for trial in kept if trial["number"] == 0] == ["complete"]
    lose_the_database()
    outcome = repair.repair()
    assert outcome.rebuilt["sweep"] == ["rates"]
    assert sweeps.look_up(sweep_id).status == SweepStatus.RUNNING
    sweep = given.until_over(sweep_id)
    after = given.trials(sweep_id)
    assert (sweep.status, sweep.error, [row.number for row in after]) == (SweepStatus.SUCCEEDED, None, [0, 1, 2])
    assert [(row.run_id, row.params, row.values) for row in after[:2]] == [
        (row.run_id, row.params, row.values) for row in before
    ]
    assert all(row.values == [fake_trial.eval_loss({**given.RECIPE, "seed": 42, **row.params}, 8)] for row in after)
    with db.reading() as session:
        assert session.exec(select(Sweep.name).order_by(col(Sweep.name))).all() == ["rates"]


def test_a_sweep_without_a_file_is_named_and_its_runs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    sweep_id = given.create(budget={"trials": 1})
    given.until_over(sweep_id)
    manifests.keep_up()
    home.folder("sweeps", "broken").mkdir(parents=True)
    lose_the_database()
    notes = repair.repair().notes
    assert "sweeps/broken says nothing from which a sweep could be made again." in notes
    assert any(note.startswith(f"The sweep {sweep_id} could not be made again") for note in notes)
