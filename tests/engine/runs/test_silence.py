"""A training that says nothing, or whose folder is gone: noticed, with a real shim and a fake worker."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from engine.runs import runs, silence
from storage import home
from storage.statuses import RunStatus
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, pids, tick_until, until
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch, steps=100_000, pause=0.02)


def test_a_frozen_worker_is_noticed_and_one_that_goes_on_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 5 or None)
    worker = pids(run.id)["worker"]
    monkeypatch.setattr(silence, "LEAST_SECONDS", 0.6)
    os.kill(worker, signal.SIGSTOP)
    silent = tick_until(lambda: current if (current := runs.look_up(run.id)).facts.silent_since else None)
    assert (silent.status, silent.eta_seconds) == (RunStatus.RUNNING, None)
    monkeypatch.setattr(silence, "LEAST_SECONDS", 60.0)
    os.kill(worker, signal.SIGCONT)
    again = tick_until(lambda: current if (current := runs.look_up(run.id)).step > silent.step else None)
    tick_until(lambda: runs.look_up(run.id).facts.silent_since is None or None)
    assert again.eta_seconds is not None
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)


def test_a_run_whose_folder_is_deleted_while_it_trains_fails_and_does_not_begin_anew() -> None:
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 5 or None)
    worker = pids(run.id)["worker"]
    shutil.rmtree(home.run_folder(run.id), ignore_errors=True)
    shutil.rmtree(home.run_folder(run.id), ignore_errors=True)  # the worker may have written meanwhile
    failed = until(run.id, RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert (failed.status, failed.error) == (RunStatus.FAILED, "The folder of this run was deleted while it trained.")
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    assert not (home.run_folder(run.id) / "plan.1.json").exists()
