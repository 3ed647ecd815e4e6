"""A sweep's life, with real processes and trainings that take no time."""

from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.process import devices, process
from engine.runs import runs
from engine.sweeps import next_step, sweeps
from engine.weights import checkpoints
from storage import db, home
from storage import runs as stored_runs
from storage.statuses import RunStatus, SweepStatus
from tests import fake_trial
from tests.engine.sweeps import stored_sweeps as given


def test_each_trial_is_a_run_and_its_value_the_last_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)
    sweep = given.until_over(given.create())
    assert (sweep.status, sweep.reason, sweep.error) == (SweepStatus.SUCCEEDED, "All 4 trials were made.", None)
    rows = given.trials(sweep.id)
    assert [(row.number, row.state, row.phase) for row in rows] == [(n, "complete", "search") for n in range(4)]
    assert rows[0].params == {"learning_rate": 1e-4}  # the recipe's own come first
    for row in rows:
        run = runs.look_up(str(row.run_id))
        assert run.status == RunStatus.SUCCEEDED
        assert run.recipe["learning_rate"] == row.params["learning_rate"]
        assert (run.facts.trial_of, run.sweep_id, run.origins) == (sweep.id, sweep.id, {"learning_rate": "sweep"})
        assert row.values == [fake_trial.eval_loss(run.recipe, 10)]
        assert row.steps == {str(n): fake_trial.eval_loss(run.recipe, n) for n in range(2, 11, 2)}
        assert row.tokens == 1000
        assert run.name.startswith(f"Trial {row.number}: learning_rate=")
    best = sweeps.best_of(sweeps.picture(sweep.id).spec, sweeps.picture(sweep.id).trials)
    assert best is not None
    assert best.values == (min((row.values or [9.0])[0] for row in rows),)
