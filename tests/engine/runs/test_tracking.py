"""A tracker's process runs beside its run: started with it, again when it dies, finished after it, in nobody's way."""

from pathlib import Path

import pytest

from engine.life import reconciler
from engine.process import process
from engine.recipes.recipe import Recipe
from engine.runs import runs, tracking
from storage.statuses import RunStatus
from storage.tables import Run
from tests.engine import table_rows
from tests.fake_mlflow import fake_mlflow
from tests.waiting import wait_for


def delivery_of(run_id: str) -> tracking.Delivery:
    (delivery,) = tracking.deliveries(runs.look_up(run_id))
    return delivery


def play() -> None:
    reconciler.TICKS["runs"]()
    reconciler.TICKS["tracking"]()


def start(monkeypatch: pytest.MonkeyPatch, tracker: str = "mlflow", **knobs: object) -> Run:
    table_rows.furnish(monkeypatch, **knobs)
    return runs.start_run("r", Recipe(model_id="m1", dataset_id="d1", report_to=tracker))


def after_a_look(run_id: str) -> tracking.Delivery:
    play()
    return delivery_of(run_id)


def delivered(run_id: str) -> bool:
    return after_a_look(run_id).finished


def test_a_run_is_told_to_its_tracker_to_the_end(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    with fake_mlflow() as (address, sent):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run = start(monkeypatch, steps=8)
        wait_for(lambda: delivered(run.id), seconds=60)
        steps = sorted({metric["step"] for _, body, _ in sent for metric in body.get("metrics", [])})
    assert steps == list(range(1, 9))
    assert runs.look_up(run.id).status == RunStatus.SUCCEEDED
    assert (delivery_of(run.id).points, delivery_of(run.id).error) == (24, "")


def test_a_tracker_that_is_down_does_not_hold_up_the_run(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    run = start(monkeypatch, steps=5)
    ended = table_rows.until(run.id, RunStatus.SUCCEEDED)
    wait_for(lambda: after_a_look(run.id).error, seconds=60)
    assert ended.error is None
    assert not delivery_of(run.id).finished  # it is asked again for some minutes
    process.kill(tracking.folder(run.id, "mlflow"))


def test_a_killed_one_is_started_again_and_goes_on(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(tracking, "AGAIN_SECONDS", 0.0)
    with fake_mlflow() as (address, sent):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run = start(monkeypatch, steps=12)
        wait_for(lambda: after_a_look(run.id).points, seconds=60)
        process.kill(tracking.folder(run.id, "mlflow"))
        wait_for(lambda: delivered(run.id), seconds=60)
        created = [route for route, _, _ in sent].count("runs/create")
        steps = {metric["step"] for _, body, _ in sent for metric in body.get("metrics", [])}
    assert (created, steps) == (1, set(range(1, 13)))


def test_a_run_that_reports_nowhere_has_no_such_process(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    run = start(monkeypatch, "", steps=2)
    table_rows.until(run.id, RunStatus.SUCCEEDED)
    play()
    assert tracking.deliveries(runs.look_up(run.id)) == []
    assert not (home / "runs" / run.id / "tracking").exists()
