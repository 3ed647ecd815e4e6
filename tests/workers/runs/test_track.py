"""Each tracker gets the numbers of a run, through its own library; one that is down is asked again."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.process import events
from engine.workers import contract
from engine.workers.runs import track
from tests.conftest import ROOT
from tests.fake_mlflow import fake_mlflow

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries of trackers warn about themselves


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run that has ended, with three steps and a number that is none."""
    folder = tmp_path / "run"
    (folder / "adapter").mkdir(parents=True)
    for step in (1, 2, 3):
        events.append(folder, events.Step(step=step, metrics={"loss": 3.0 - step, "odd": float("nan")}))
    (folder / "exit.1.json").write_text("{}")
    return folder


def spec(tracker: str, run_folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "tracker": tracker,
        "run_id": "abc123",
        "attempt": 1,
        "name": "My run",
        "project": "sums",
        "recipe": {"lora_r": 4},
        "run_folder": str(run_folder),
        "store": str(run_folder.parent / "store"),
        **changes,
    }


def tracked(tracker: str, run_folder: Path, **changes: Any) -> dict[str, Any]:
    out = run_folder.parent / "out"
    out.mkdir(exist_ok=True)
    return track.work(spec(tracker, run_folder, **changes), out)


def tracked_by_program(tracker: str, run_folder: Path) -> dict[str, Any]:
    """As the studio does it: trackio reads where its database is when it is imported, once in a process."""
    out = run_folder.parent / "out"
    out.mkdir()
    file = out / "spec.json"
    file.write_text(json.dumps(spec(tracker, run_folder)))
    subprocess.run([sys.executable, "-m", "engine.workers.runs.track", str(file), str(out)], check=True, cwd=ROOT)
    (finished,) = [event for event in events.read(out)[0] if isinstance(event, events.Finished)]
    return finished.result


def test_trackio_keeps_the_points_in_its_own_database(run_folder: Path) -> None:
    result = tracked_by_program("trackio", run_folder)
    assert (result["points"], result["attempt"]) == (3, 1)
    assert "trackio show --project sums" in result["where"]
    with sqlite3.connect(run_folder.parent / "store" / "sums.db") as database:
        rows = database.execute("select step, metrics from metrics order by step").fetchall()
    assert [(step, json.loads(metrics)["loss"]) for step, metrics in rows] == [(1, 2.0), (2, 1.0), (3, 0.0)]


def test_tensorboard_reads_what_is_left_for_it(run_folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    result = tracked("tensorboard", run_folder)
    accumulator = EventAccumulator(str(run_folder.parent / "store" / "sums" / "abc123"))
    accumulator.Reload()
    points = [(point.step, point.tensor_proto.float_val[0]) for point in accumulator.Tensors("loss")]
    assert (result["points"], points) == (3, [(1, 2.0), (2, 1.0), (3, 0.0)])


def test_wandb_without_a_key_keeps_the_run_here(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    result = tracked("wandb", run_folder)
    folder = Path(result["where"].removeprefix("wandb sync "))
    assert (folder / "run-abc123.wandb").stat().st_size > 0


def test_mlflow_gets_every_point_and_its_token_goes_nowhere_else(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_mlflow() as (address, sent):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "songbird-of-the-tracker")
        assert tracked("mlflow", run_folder)["where"] == address
    points = [
        (metric["key"], metric["step"], metric["value"])
        for route, body, _ in sent
        for metric in body.get("metrics", [])
    ]
    assert points == [("loss", 1, 2.0), ("loss", 2, 1.0), ("loss", 3, 0.0)]
    assert {header for _, _, header in sent} == {"Bearer songbird-of-the-tracker"}
    assert [body["status"] for route, body, _ in sent if route == "runs/update"] == ["FINISHED"]
    contents = b"".join(path.read_bytes() for path in run_folder.parent.rglob("*") if path.is_file())
    assert b"songbird" not in contents


def test_a_restart_goes_on_with_the_same_run_and_sends_nothing_twice(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_mlflow() as (address, sent):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        tracked("mlflow", run_folder)
        events.append(run_folder, events.Step(step=4, metrics={"loss": 0.5}))
        tracked("mlflow", run_folder)
    assert [route for route, _, _ in sent].count("runs/create") == 1
    assert [metric["step"] for _, body, _ in sent for metric in body.get("metrics", [])] == [1, 2, 3, 4]


def test_a_tracker_that_is_down_is_asked_again_and_given_up_long_after_the_end(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(contract.WorkFailedError) as caught:
        tracked("mlflow", run_folder, give_up_seconds=0)
    assert caught.value.category == "network"
    state = track.read_state(run_folder.parent / "out")
    assert (state.offset, state.points) == (0, 0)
    assert "127.0.0.1" in state.error


def test_a_state_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"offset": 1, "of another": "version"}')
    assert track.read_state(tmp_path) == track.State()
