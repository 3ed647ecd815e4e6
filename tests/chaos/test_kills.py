"""kill -9 of the engine, of shims, of workers and of what they started, at random: nothing is lost, doubled or left.

The seed is fixed; the environment's SEED and KILLS change it and the number of kills.
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
from itertools import pairwise
from pathlib import Path

import pytest

from engine.process import devices, process, queue, shim
from engine.recipes.recipe import Recipe
from engine.runs import curves, runs, verdict
from storage import db, home, transitions
from storage.statuses import RUN_RESUMABLE, RunStatus
from tests.conftest import ROOT
from tests.engine import table_rows
from tests.fake_worker import loss_at
from tests.waiting import wait_for

SEED = int(os.environ.get("SEED", "1"))
KILLS = int(os.environ.get("KILLS", "40"))
RUNS, STEPS = 4, 60
LEGAL = {
    ("queued", "starting"),
    ("starting", "running"),
    ("running", "succeeded"),
    ("starting", "succeeded"),
    ("running", "interrupted"),
    ("starting", "interrupted"),
    ("interrupted", "queued"),
}


class Engine:
    """The engine in a process of its own, started again whenever it was killed."""

    def __init__(self) -> None:
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "tests.engine_process"], cwd=ROOT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Engine]:
    table_rows.furnish(monkeypatch, steps=STEPS, pause=0.02, save=5, spawn=1)
    engine = Engine()
    yield engine
    engine.end()
    queue.forget()


def shims() -> list[tuple[str, int]]:
    """(role, pid) of every shim and worker that lives."""
    processes = []
    for path in home.folder("runs").glob("*/shim.json"):
        if process.alive(path.parent):
            record = json.loads(path.read_text())
            processes += [(role, record[role]) for role in ("shim", "worker") if role in record]
            processes += [("other", pid) for pid in carriers(path.parent) if pid != record.get("worker")]
    return processes


def carriers(folder: Path) -> list[int]:
    return shim._living(f"{shim.COOKIE}={folder}".encode(), None)


def start() -> str:
    return runs.start_run("run", Recipe(model_id="m1", dataset_id="d1", save_steps=5)).id


def a_victim(role: str, ids: list[str], chance: random.Random) -> int:
    """A process id in that role, 0 while there is none; for the engine's kills any sign of life will do."""
    if resume_by_hand(ids):
        ids.append(start())
    pids: list[int] = [pid for shim_role, pid in shims() if shim_role == role or role == "engine"]
    return chance.choice(pids) if pids else 0


def resume_by_hand(ids: list[str]) -> bool:
    """A person resumes what has used up its automatic resumes; says whether all have succeeded."""
    current = [runs.look_up(run_id) for run_id in ids]
    for run in current:
        if run.status in RUN_RESUMABLE:
            runs.resume_run(run.id)
    return all(run.status == RunStatus.SUCCEEDED for run in current)


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow  # forty kills, each after a pause, and as many processes that begin anew
def test_nothing_is_lost_doubled_or_left_behind_by_random_kills(engine: Engine) -> None:
    chance, pause = random.Random(SEED), threading.Event()
    ids = [start() for _ in range(RUNS)]
    roles = [role for role in ("engine", "shim", "worker", "other") for _ in range(KILLS // 4)]
    chance.shuffle(roles)
    began = time.monotonic()
    for role in roles:
        victim = wait_for(partial(a_victim, role, ids, chance), seconds=60)
        pause.wait(chance.uniform(0, 0.5))
        if role == "engine":
            engine.kill()
        else:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself in the meantime
                os.kill(victim, signal.SIGKILL)
    print(f"{len(roles)} kills in {time.monotonic() - began:.0f} s")
    wait_for(lambda: resume_by_hand(ids), seconds=120, every=0.3)
    for run_id in ids:
        check(run_id)
    print(f"{len(ids)} runs, {sum(runs.look_up(run_id).attempt for run_id in ids)} attempts")
    wait_for(lambda: devices.holders() == [])


def check(run_id: str) -> None:
    run = runs.look_up(run_id)
    with db.reading() as session:
        log = transitions.log(session, run_id)
    moves = [(move.before, move.after) for move in log]
    assert not set(moves) - LEGAL
    assert all(before[1] == after[0] for before, after in pairwise(moves))  # an unbroken chain
    assert len({(move.attempt, move.before, move.after) for move in log}) == len(log)  # nothing twice in an attempt
    assert curves.read(run_id, "loss").points == [(step, loss_at(step)) for step in range(1, STEPS + 1)]
    assert run.auto_resumes <= verdict.MOST_AUTO_RESUMES
    assert (home.run_folder(run_id) / "adapter" / "adapter_model.safetensors").read_text() == str(STEPS)
    assert carriers(home.run_folder(run_id)) == []
