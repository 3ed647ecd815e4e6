"""Sweeps over REST."""

import pytest
from starlette.testclient import TestClient

from storage import db
from storage.statuses import SweepStatus
from storage.tables import Sweep, SweepTrial
from tests.engine.sweeps import stored_sweeps as given


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch) -> None:
    given.furnish(monkeypatch)


def test_a_sweep_is_started_shown_and_stopped(owner: TestClient) -> None:
    created = owner.post("/api/sweeps", json=given.asked())
    assert (created.status_code, created.json()["status"]) == (201, "queued")
    address = f"/api/sweeps/{created.json()['id']}"
    shown = owner.get(address).json()
    assert (shown["trials"], shown["best"], shown["side_by_side"]) == ([], None, 1)
    assert shown["spec"]["space"] == {"learning_rate": {**given.RATES, "step": None}}
    again = owner.post("/api/sweeps", json=given.asked())
    assert (again.status_code, again.json()["error"]["message"]) == (
        409,
        "There is a sweep named `rates` in this project already.",
    )
    assert owner.post(f"{address}/resume").status_code == 409
    assert owner.post(f"{address}/stop").json()["status"] == "stopping"
    assert owner.delete(address).status_code == 409


def test_a_sweep_is_estimated_and_none_started(owner: TestClient) -> None:
    owner.put(
        "/api/projects/default/prices", json={"price_per_kwh": 0.5, "price_per_device_hour": 2.0, "currency": "EUR"}
    )
    estimate = owner.post("/api/sweeps/estimate", json=given.asked())
    assert estimate.status_code == 200
    known = estimate.json()
    assert (known["trials"], known["limited_by"], known["side_by_side"]) == (4, "trials", 1)
    assert (known["spending"]["currency"], known["spending"]["cost"]) == ("EUR", None)
    assert known["spending"]["basis"] == "known after the first run here"
    assert owner.get("/api/sweeps").json() == []
    missing = owner.post("/api/sweeps/estimate", json=given.asked(recipe={"model_id": "none", "dataset_id": "d1"}))
    assert missing.status_code == 422


def test_trials_and_the_best_are_shown_with_their_values(owner: TestClient) -> None:
    sweep_id = owner.post("/api/sweeps", json=given.asked()).json()["id"]
    with db.session() as session:
        session.get_one(Sweep, sweep_id).status = SweepStatus.SUCCEEDED
        for number, (state, values) in enumerate([("complete", [0.7]), ("complete", [0.5]), ("failed", None)]):
            trial = SweepTrial(sweep_id=sweep_id, number=number, state=state, values=values, params={"lora_r": number})
            trial.run_id, trial.is_put_away = f"r{number}", True
            session.add(trial)
    (shown,) = owner.get("/api/sweeps").json()
    assert shown["best"] == {"number": 1, "run_id": "r1", "value": 0.5, "params": {"lora_r": 1}}
    fields = ("number", "run_id", "state", "value")
    assert [tuple(trial[field] for field in fields) for trial in shown["trials"]] == [
        (0, "r0", "complete", 0.7), (1, "r1", "complete", 0.5), (2, "r2", "failed", None),
    ]  # fmt: skip
    more = owner.post(f"/api/sweeps/{sweep_id}/more", json={"trials": 2}).json()
    assert (more["status"], more["goal"]) == ("running", 5)
    assert owner.post(f"/api/sweeps/{sweep_id}/rerun").json()["trials"][2]["state"] == "running"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space": {"learning_rate": {"low": 1, "high": 0.1}}}, "learning_rate"),
        ({"space": {"learning_rate": {"low": 0, "high": 0.1, "log": True}}}, "learning_rate"),
        ({"space": {"speed": {"low": 0, "high": 1}}}, "speed"),
        ({"space": {"optim": {"choices": ["adamw_torch", "magic"]}}}, "magic"),
        ({"budget": {}}, "budget"),
        ({"budget": {"trials": 0}}, "trials"),
        ({"objective": {"metric": "eval_reward", "direction": "maximize"}}, "eval_reward"),
        ({"objective": [{"metric": "eval_loss"}, {"metric": "seconds"}], "pruner": "median"}, "pruner"),
        ({"sampler": "magic"}, "sampler"),
        ({"wishes": 1}, "wishes"),
        ({"project_id": "nope"}, "nope"),
    ],
)
def test_bad_input_is_named(owner: TestClient, changes: dict[str, object], words: str) -> None:
    answer = owner.post("/api/sweeps", json=given.asked(**changes))
    assert answer.status_code in (404, 422)
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['hint']}"
    assert "Traceback" not in answer.text
    assert owner.get("/api/sweeps").json() == []
