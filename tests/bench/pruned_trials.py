"""How fast a pruned trial makes room: `python -m tests.bench.sweeps --pruned 10`.

A real studio (`python -m app serve`, its reconciler's round of a second, Optuna's advice in its worker) and a sweep of
made-up trainings that ignore SIGTERM and leave a child behind. Of each trial that the pruner ends, from the moment that
this is decided: when its process is gone, and when the next training has its device.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlmodel import col, select

from engine.process import process
from engine.recipes.launch_command import free_port
from storage import db, home
from storage.tables import Run, SweepTrial
from tests.engine.sweeps import stored_sweeps as given
from tests.rest import TOKEN
from tests.sweep_server import Studio
from tests.waiting import wait_for

MOST_TRIALS, STEPS, PAUSE = 200, 30, 0.05
RATES = {"low": 1e-6, "high": 1.0, "log": True}


class Pruned(NamedTuple):
    """Seconds from the decision."""

    gone: float
    given: float


def measure(count: int) -> list[Pruned]:
    """So many trials that were pruned; fewer where the sweep has no more."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_HOME", folder)
        patch.setenv("TUNESMITH_TOKEN", TOKEN)
        db.prepare()
        given.furnish(patch, optuna=1, steps=STEPS, pause=PAUSE, spawn=1, stubborn=1)
        studio = Studio(free_port())
        try:
            wait_for(lambda: studio.answers(), 300, every=0.2)
            asked = given.asked(pruner="median", budget={"trials": MOST_TRIALS}, space={"learning_rate": RATES})
            sweep_id = studio.client.post("/sweeps", json=asked).raise_for_status().json()["id"]
            return [pruned for _, pruned in zip(range(count), _each(sweep_id), strict=False)]
        finally:
            studio.kill(again=False)
            for path in Path(folder).glob("*/*/shim.json"):
                process.kill(path.parent)
            db.forget()


def _each(sweep_id: str) -> Iterator[Pruned]:
    """The trials that are pruned, as they are."""
    seen: set[int] = set()
    while True:
        trial = wait_for(partial(_pruned, sweep_id, seen), 900, every=0.01)
        assert trial is not None
        seen.add(trial.number)
        decided = float(trial.ended_at or 0)
        wait_for(partial(_is_gone, home.run_folder(str(trial.run_id))), 60, every=0.01)
        gone = time.time() - decided
        begun = wait_for(partial(_begun_after, sweep_id, decided), 60, every=0.01) or math.nan
        print(f"trial {trial.number}: gone {gone:.2f}, its device given {begun - decided:.2f}", flush=True)
        yield Pruned(gone, begun - decided)


def _is_gone(folder: Path) -> bool:
    return not process.alive(folder)


def _pruned(sweep_id: str, seen: set[int]) -> SweepTrial | None:
    with db.reading() as session:
        query = select(SweepTrial).where(SweepTrial.sweep_id == sweep_id, SweepTrial.state == "pruned")
        return next((row for row in session.exec(query) if row.number not in seen), None)


def _begun_after(sweep_id: str, moment: float) -> float | None:
    """When the next run of the sweep got its device."""
    with db.reading() as session:
        query = select(Run.started_at).where(Run.sweep_id == sweep_id, col(Run.started_at) > moment)
        return min((at for at in session.exec(query) if at is not None), default=None)


def lines(measured: list[Pruned]) -> str:
    gone, room = ([getattr(one, name) for one in measured] for name in Pruned._fields)
    return (
        f"{len(measured)} pruned trials, seconds from the decision\n"
        f"process gone          median {statistics.median(gone):.2f}  most {max(gone):.2f}\n"
        f"device with the next  median {statistics.median(room):.2f}  most {max(room):.2f}"
    )
