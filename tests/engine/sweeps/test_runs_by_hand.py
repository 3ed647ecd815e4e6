"""What a person does with the run of a trial: resumed, renamed, archived, deleted."""

from pathlib import Path

import pytest

from engine.errors import ConflictError, RefusedError
from engine.runs import changes, runs
from engine.sweeps import shown, sweeps
from engine.sweeps.results import plots, trials_csv
from pages.sweeps import page
from storage import db
from storage.statuses import RunStatus, SweepStatus
from storage.sweeps import trials as stored_trials
from storage.tables import Run
from tests import fake_trial
from tests.engine import table_rows
from tests.engine.sweeps import stored_sweeps as given

STEPS = 20


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """While it is not there no training ends by itself, however slow the machine is."""
    return tmp_path / "gate"


def stopped_by_hand(sweep_id: str) -> str:
    """The run of the first trial, which a person has stopped while it trained; the sweep has noticed."""
    run_id = str(given.until(lambda: given.trials(sweep_id) and given.trials(sweep_id)[0].run_id))
    given.until(lambda: runs.look_up(run_id).step > fake_trial.EVERY)
    runs.stop_run(run_id)
    given.until(lambda: given.trials(sweep_id)[0].state == "failed")
    return run_id


def test_a_run_resumed_by_hand_is_taken_back_and_its_value_counts(monkeypatch: pytest.MonkeyPatch, gate: Path) -> None:
    given.furnish(monkeypatch, steps=STEPS, gate=gate)
    sweep_id = given.create(budget={"trials": 2}, failures=5)
    run_id = stopped_by_hand(sweep_id)
    gate.touch()
    runs.resume_run(run_id)
    assert (given.trials(sweep_id)[0].state, given.trials(sweep_id)[0].reason) == ("running", "")
    sweep = given.until_over(sweep_id)
    first, second = given.trials(sweep_id)
    assert (sweep.status, first.state, second.state) == (SweepStatus.SUCCEEDED, "complete", "complete")
    assert (first.run_id, first.tries) == (run_id, 1)
    assert first.values == [fake_trial.eval_loss(runs.look_up(run_id).recipe, STEPS)]
    with db.reading() as session:
        assert len(stored_trials.runs_of(session, [str(first.run_id), str(second.run_id)])) == 2


def test_of_a_sweep_that_was_stopped_only_that_trial_goes_on(monkeypatch: pytest.MonkeyPatch, gate: Path) -> None:
    given.furnish(monkeypatch, steps=STEPS, gate=gate)
    sweep_id = given.create(budget={"trials": 3}, failures=5)
    run_id = stopped_by_hand(sweep_id)
    sweeps.stop(sweep_id)
    with pytest.raises(ConflictError, match="is stopping"):
        runs.resume_run(run_id)
    assert runs.look_up(run_id).status == RunStatus.STOPPED  # refused as a whole
    given.until_status(sweep_id, SweepStatus.STOPPED)
    begun = len(given.trials(sweep_id))
    gate.touch()
    runs.resume_run(run_id)
    assert sweeps.look_up(sweep_id).status == SweepStatus.RUNNING
    sweep = given.until_over(sweep_id)
    assert (sweep.status, sweep.error) == (SweepStatus.STOPPED, None)  # as it was, for its search is not over
    assert len(given.trials(sweep_id)) == begun
    assert given.trials(sweep_id)[0].state == "complete"
    assert (shown.described(sweep)["best"] or {})["run_id"] == run_id
    sweeps.resume(sweep_id)
    assert given.until_over(sweep_id).status == SweepStatus.SUCCEEDED
    assert [row.state for row in given.trials(sweep_id)] == ["complete"] * 3


def test_a_pruned_one_is_refused_with_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, gate: Path) -> None:
    given.furnish(monkeypatch, steps=STEPS, gate=gate, prune_above=0.0)
    sweep_id = given.create(pruner="median", budget={"trials": 1})
    given.until_over(sweep_id)
    (pruned,) = given.trials(sweep_id)
    with pytest.raises(ConflictError, match="ended by the pruner of the sweep `rates`") as refused:
        runs.resume_run(str(pruned.run_id))
    assert f"tunesmith sweeps full {sweep_id} 0" in str(refused.value.hint)
    assert runs.look_up(str(pruned.run_id)).status == RunStatus.STOPPED
    assert given.trials(sweep_id)[0].state == "pruned"


def test_an_end_that_was_read_before_somebody_resumed_the_run_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    run = runs.start_run("run", table_rows.RECIPE)
    with db.session() as session:
        session.get_one(Run, run.id).status = RunStatus.FAILED
    read = runs.look_up(run.id)
    with db.session() as session:
        assert stored_trials.is_unmoved(session, read)
    runs.resume_run(run.id)
    with db.session() as session:
        assert not stored_trials.is_unmoved(session, read)


def test_runs_that_are_renamed_archived_or_deleted_leave_the_sweep_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    sweep_id = given.create(budget={"trials": 3})
    given.until(lambda: sum(row.state == "complete" for row in given.trials(sweep_id)) > 1)
    first, second = given.trials(sweep_id)[:2]
    runs.rename_run(str(first.run_id), "mine")
    changes.change(str(first.run_id), changes.Change(archived=True))
    undo_id = runs.delete_run(str(second.run_id))
    sweep = given.until_over(sweep_id)
    rows = given.trials(sweep_id)
    assert (sweep.status, [row.state for row in rows]) == (SweepStatus.SUCCEEDED, ["complete"] * 3)
    assert (rows[1].values, rows[1].run_id) == (second.values, second.run_id)
    picture = sweeps.picture(sweep_id)
    assert len(plots.plots(picture, {})["trials"]) == len(trials_csv.trials_csv(picture).splitlines()) - 1 == 3
    for tab in ("", "charts", "trials"):
        assert "rates" in page.sweeps_html({"sweep": sweep_id, "tab": tab})
    assert len(shown.described(sweep)["trials"]) == 3
    with pytest.raises(RefusedError, match="has no finished trial 1"):
        sweeps.train_on(sweep_id, 1, max_steps=99)
    assert sweeps.train_on(sweep_id, 0, max_steps=99).recipe["start_from"] == first.run_id
    assert changes.undo(undo_id)[1] == [second.run_id]
    assert sweeps.train_on(sweep_id, 1, max_steps=99).recipe["start_from"] == second.run_id
