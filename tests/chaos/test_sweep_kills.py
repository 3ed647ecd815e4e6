"""kill -9 of the engine, of shims and of workers while a sweep is under way: no trial is lost, doubled or told twice.

The seed is fixed; the environment's SEED and SWEEP_KILLS change it and the number of kills.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import select

from engine.process import devices, process, queue, shim
from engine.sweeps import sweeps
from storage import db, home
from storage.statuses import RunStatus, SweepStatus
from storage.tables import Run
from tests import fake_trial
from tests.conftest import ROOT
from tests.engine.sweeps import stored_sweeps as given
from tests.waiting import wait_for

SEED = int(os.environ.get("SEED", "1"))
KILLS = int(os.environ.get("SWEEP_KILLS", "30"))
TRIALS, STEPS = 20, 20


class Engine:
    """The engine in a process of its own, started again whenever it was killed."""

    def __init__(self) -> None:
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "tests.sweep_process"], cwd=ROOT)

    def kill(self, again: bool = True) -> None:
        self.process.kill()
        self.process.wait()
        if again:
            self.process = self._start()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    monkeypatch.setenv("FAKE_HEARD", str(tmp_path / "heard"))
    given.furnish(monkeypatch, steps=STEPS, pause=0.05, spawn=1, prune_above=1.4)
    engine = Engine()
    yield engine
    engine.kill(again=False)
    queue.forget()


def living() -> list[tuple[str, int]]:
    """(role, pid) of every shim and worker that lives, of trials and of the advice."""
    processes = []
    for path in [*home.folder("runs").glob("*/shim.json"), *home.folder("work").glob("*/shim.json")]:
        if process.alive(path.parent):
            record = json.loads(path.read_text())
            processes += [(role, record[role]) for role in ("shim", "worker") if role in record]
    return processes


def has_begun(sweep_id: str, number: int) -> bool:
    """Whether the sweep has come to that trial: so the kills come all along it."""
    return len(sweeps.picture(sweep_id).trials) > number


def pids_of(role: str) -> list[int]:
    """The processes in that role; for the engine's kills any sign of life will do."""
    return [pid for living_role, pid in living() if role in ("engine", living_role)]


def left_behind() -> list[int]:
    folders = [*home.folder("runs").glob("*"), *home.folder("work").glob("*")]
    return [pid for folder in folders for pid in shim._living(f"{shim.COOKIE}={folder}".encode(), None)]


def ended(sweep_id: str) -> dict[int, tuple[str, tuple[float, ...] | None]]:
    """Of trials that have ended with a value, or early: what is known of them."""
    kept = [trial for trial in sweeps.picture(sweep_id).trials if trial.state in ("complete", "pruned")]
    return {trial.number: (trial.state, trial.values) for trial in kept}


@pytest.mark.usefixtures("untraced")
@pytest.mark.timeout(1200)  # on busy cores each of the fifty trainings takes ten seconds to begin
@pytest.mark.slow  # thirty kills, each after a pause, and as many processes that begin anew
def test_kills_lose_double_or_tell_no_trial_twice(engine: Engine, tmp_path: Path) -> None:
    chance, pause = random.Random(SEED), threading.Event()
    sweep_id = given.create(budget={"trials": TRIALS}, pruner="median", failures=TRIALS)
    roles = [role for role in ("engine", "shim", "worker") for _ in range(KILLS // 3)]
    chance.shuffle(roles)
    began, known = time.monotonic(), ended(sweep_id)
    for place, role in enumerate(roles):
        wait_for(partial(has_begun, sweep_id, place * TRIALS // len(roles)), seconds=180, every=0.1)
        pids = wait_for(partial(pids_of, role), seconds=60)
        pause.wait(chance.uniform(0, 1.5))
        if role == "engine":
            engine.kill()
        else:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself in the meantime
                os.kill(chance.choice(pids), signal.SIGKILL)
        now = ended(sweep_id)
        assert known.items() <= now.items()  # none is lost or changed
        known = now
    print(f"{len(roles)} kills in {time.monotonic() - began:.0f} s, {len(known)} trials over", flush=True)
    wait_for(lambda: sweeps.look_up(sweep_id).status in sweeps.ENDED, seconds=900, every=0.3)
    check(sweep_id, known)
    check_what_was_told(tmp_path / "heard")
    wait_for(lambda: devices.holders() == [] and left_behind() == [], seconds=60)


def check(sweep_id: str, known: dict[int, tuple[str, tuple[float, ...] | None]]) -> None:
    sweep, trials = sweeps.look_up(sweep_id), sweeps.picture(sweep_id).trials
    assert (sweep.status, sweep.error) == (SweepStatus.SUCCEEDED, None)
    assert known.items() <= ended(sweep_id).items()
    assert [trial.number for trial in trials] == list(range(sweep.goal or 0))
    with db.reading() as session:
        runs = {run.id: run for run in session.exec(select(Run).where(Run.sweep_id == sweep_id))}
    assert sorted(runs) == sorted(str(trial.run_id) for trial in trials)  # one run a trial, and no other
    for trial in trials:
        run = runs[str(trial.run_id)]
        assert run.recipe["learning_rate"] == trial.params["learning_rate"]
        if trial.state == "complete":
            assert run.status == RunStatus.SUCCEEDED
            assert trial.values == (fake_trial.eval_loss(run.recipe, STEPS),)
        if trial.state == "pruned":
            assert not (home.run_folder(run.id) / "checkpoints").exists()
    states = [trial.state for trial in trials]
    print(
        {state: states.count(state) for state in sorted(set(states))}, "attempts", sum(r.attempt for r in runs.values())
    )


def check_what_was_told(heard: Path) -> None:
    """Each question names a trial once, and what was said of one that has ended stays so."""
    said: dict[int, tuple[str, list[float] | None]] = {}
    lines = heard.read_text().splitlines()
    for line in lines:
        told = json.loads(line)
        assert len({number for number, *_ in told}) == len(told)
        for number, state, values in told:
            assert said.setdefault(number, (state, values)) == (state, values)
    print(f"{len(lines)} questions")
