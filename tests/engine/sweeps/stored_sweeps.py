"""Sweeps to try the engine on: a model, a dataset and trainings that take no time."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from engine.process import plan, work
from engine.runs import supervision
from engine.sweeps import sweeps
from engine.sweeps.life import tick
from engine.sweeps.parsing import parse
from engine.train import check as refusals
from storage import db
from storage.statuses import SweepStatus
from storage.sweeps import trials as stored_trials
from storage.tables import Dataset, Sweep, SweepTrial
from tests.engine import table_rows
from tests.waiting import wait_for

T = TypeVar("T")
RECIPE = {"model_id": "m1", "dataset_id": "d1", "learning_rate": 1e-4}
RATES = {"low": 1e-5, "high": 1e-1, "log": True}


def furnish(monkeypatch: pytest.MonkeyPatch, **knobs: object) -> None:
    """A ready model and dataset, trainings that take no time, and advice that takes none, unless `optuna` is 1."""
    monkeypatch.setitem(plan.WORKERS, "sft", "tests.fake_trial")
    if not knobs.get("optuna"):
        monkeypatch.setitem(plan.WORKERS, "sweep_advice", "tests.fake_advice")
    monkeypatch.setattr(refusals, "RULES", ())  # there is no real model to look into
    furnish_again(monkeypatch, **knobs)
    table_rows.add_rows()
    with db.session() as session:
        session.get_one(Dataset, "d1").accepted = 400


def furnish_again(monkeypatch: pytest.MonkeyPatch, **knobs: object) -> None:
    """Other knobs for trainings that begin from now on."""
    table_rows.turn_knobs(monkeypatch, **knobs)


def asked(**changes: Any) -> dict[str, Any]:
    """What somebody asks for, as plain values."""
    usual = {"name": "rates", "recipe": RECIPE, "space": {"learning_rate": RATES}, "budget": {"trials": 4}}
    return {**usual, "sampler": "random", **changes}


def create(**changes: Any) -> str:
    return sweeps.create(parse(asked(**changes))).id


def round_of_all() -> None:
    """What the reconciler does of it in a second."""
    work.tick()
    tick.tick()
    supervision.tick()


def until(condition: Callable[[], T | None], seconds: float = 90) -> T:
    def looked() -> T | None:
        round_of_all()
        return condition()

    there = wait_for(looked, seconds)
    assert there is not None
    return there


def until_over(sweep_id: str, seconds: float = 120) -> Sweep:
    return until(lambda: row if (row := sweeps.look_up(sweep_id)).status in sweeps.ENDED else None, seconds)


def until_status(sweep_id: str, status: SweepStatus) -> Sweep:
    return until(lambda: row if (row := sweeps.look_up(sweep_id)).status == status else None)


def trials(sweep_id: str) -> list[SweepTrial]:
    with db.reading() as session:
        return list(stored_trials.of_sweep(session, sweep_id))
