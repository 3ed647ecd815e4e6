"""A model, a dataset and runs to try the engine on: rows as their makers leave them, with nothing heavy behind them."""

import json
from collections.abc import Callable
from typing import TypeVar

import pytest

from engine.process import plan
from engine.recipes.recipe import Recipe
from engine.runs import runs, supervision
from engine.train import check as refusals
from storage import db, home, transitions
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run
from tests.waiting import wait_for

T = TypeVar("T")

RECIPE = Recipe(model_id="m1", dataset_id="d1")


def furnish(monkeypatch: pytest.MonkeyPatch, **knobs: object) -> None:
    """A ready model and dataset, and the fake worker in place of the one that trains, with these knobs."""
    monkeypatch.setitem(plan.WORKERS, "sft", "tests.fake_worker")
    monkeypatch.setattr(refusals, "RULES", ())  # there is no real model to look into
    turn_knobs(monkeypatch, **knobs)
    add_rows()


def add_rows() -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="/m", name="m", path="/m", status=ModelStatus.READY))
        ready = DatasetStatus.READY
        session.add(Dataset(id="d1", project_id="default", name="d", sha256="0" * 64, kind="chat", status=ready))


def turn_knobs(monkeypatch: pytest.MonkeyPatch, **knobs: object) -> None:
    for name, value in knobs.items():
        monkeypatch.setenv(f"FAKE_{name.upper()}", str(value))


def until(run_id: str, *statuses: RunStatus, seconds: float = 60) -> Run:
    """Plays the reconciler until the run has one of these statuses."""
    return tick_until(lambda: run if (run := runs.look_up(run_id)).status in statuses else None, seconds)


def tick_until(condition: Callable[[], T | None], seconds: float = 60) -> T:
    def found() -> T | None:
        supervision.tick()
        return condition()

    there = wait_for(found, seconds)
    assert there is not None
    return there


def moves(run_id: str) -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(one.before, one.after) for one in transitions.log(session, run_id)]


def pids(run_id: str) -> dict[str, int]:
    """The shim and the worker of the run's attempt, once they are there."""

    def read() -> dict[str, int] | None:
        path = home.run_folder(run_id) / "shim.json"
        record: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        attempt = runs.look_up(run_id).attempt
        return record if "worker" in record and record["attempt"] == attempt else None

    return tick_until(read)
