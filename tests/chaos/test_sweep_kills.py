"""kill -9 of the studio, of shims and of workers while a sweep is under way: no trial is lost, doubled or told twice.

The studio is `python -m app serve`, the advice Optuna's; only the trainings are made up. The seed is fixed; the
environment's SEED and SWEEP_KILLS change it and the number of kills.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from engine.process import devices, shim
from engine.recipes.launch_command import free_port
from engine.sweeps import sweeps
from storage import db, home
from storage.statuses import RunStatus, SweepStatus
from storage.tables import Run
from tests import fake_trial
from tests.engine.sweeps import stored_sweeps as given
from tests.rest import TOKEN
from tests.sweep_server import Studio, living
from tests.waiting import wait_for

SEED = int(os.environ.get("SEED", "1"))
KILLS = int(os.environ.get("SWEEP_KILLS", "30"))
TURNS = ("studio", "shim", "worker", "adviser", "shim", "worker")  # a studio takes five seconds to begin anew
TRIALS, STEPS = 20, 20

Ended = dict[int, tuple[str, tuple[float, ...] | None]]


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Studio]:
    for name, value in {"HEARD": str(tmp_path / "heard"), "TUNESMITH_TOKEN": TOKEN, "ROUND": "0.3"}.items():
        monkeypatch.setenv(name, value)
    given.furnish(monkeypatch, optuna=1, steps=STEPS, pause=0.03, spawn=1)
    studio = Studio(free_port())
    yield studio
    studio.kill(again=False)


def has_begun(sweep_id: str, number: int) -> bool:
    """Whether the sweep has come to that trial: so the kills come all along it."""
    return len(sweeps.picture(sweep_id).trials) > number


def pids_of(role: str) -> list[int]:
    """The processes in that role; for the studio's kills any sign of life will do."""
    return [pid for living_role, pid in living() if role in ("studio", living_role)]


def left_behind() -> list[int]:
    folders = [*home.folder("runs").glob("*"), *home.folder("work").glob("*")]
    return [pid for folder in folders for pid in shim._living(f"{shim.COOKIE}={folder}".encode(), None)]


def ended(sweep_id: str) -> Ended:
    """Of trials that have ended with a value, or early: what is known of them."""
    kept = [trial for trial in sweeps.picture(sweep_id).trials if trial.state in ("complete", "pruned")]
    return {trial.number: (trial.state, trial.values) for trial in kept}


def said(told: dict[str, Any]) -> Ended:
    """The same, as REST says it."""
    kept = [trial for trial in told["trials"] if trial["state"] in ("complete", "pruned")]
    return {trial["number"]: (trial["state"], trial["values"] and tuple(trial["values"])) for trial in kept}


@pytest.mark.usefixtures("untraced")
@pytest.mark.timeout(1200)  # on busy cores each of the fifty trainings takes ten seconds to begin
@pytest.mark.slow  # thirty kills, each after a pause, and as many processes that begin anew
def test_kills_lose_double_or_tell_no_trial_twice(studio: Studio, tmp_path: Path) -> None:
    chance, pause = random.Random(SEED), threading.Event()
    sweep_id = given.create(budget={"trials": TRIALS}, sampler="tpe", pruner="median", failures=TRIALS)
    roles = [TURNS[place % len(TURNS)] for place in range(KILLS)]
    chance.shuffle(roles)
    began, known, answers = time.monotonic(), ended(sweep_id), 0
    for place, role in enumerate(roles):
        wait_for(partial(has_begun, sweep_id, place * TRIALS // len(roles)), seconds=300, every=0.1)
        pids = wait_for(partial(pids_of, role), seconds=300)
        pause.wait(chance.uniform(0, 0.5))
        if told := studio.sweep(sweep_id):
            assert known.items() <= said(told).items()
            answers += 1
        if role == "studio":
            studio.kill()
        else:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself in the meantime
                os.kill(chance.choice(pids), signal.SIGKILL)
        now = ended(sweep_id)
        assert known.items() <= now.items()  # none is lost or changed
        known = now
    seconds = time.monotonic() - began
    print(f"{len(roles)} kills in {seconds:.0f} s, {len(known)} trials over, REST answered {answers} times", flush=True)
    wait_for(lambda: sweeps.look_up(sweep_id).status in sweeps.ENDED, seconds=900, every=0.3)
    told = wait_for(lambda: studio.sweep(sweep_id), seconds=300, every=0.3)
    assert told is not None
    assert (told["status"], said(told)) == ("succeeded", ended(sweep_id))
    check(sweep_id, known)
    check_what_was_told(tmp_path / "heard")
    wait_for(lambda: devices.holders() == [] and left_behind() == [], seconds=60)


def check(sweep_id: str, known: Ended) -> None:
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
