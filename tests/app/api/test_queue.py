"""The queue over REST: shown, ordered, paused, set, and devices freed."""

import time

import pytest
from starlette.testclient import TestClient

from storage import db
from storage.statuses import RunStatus
from storage.tables import Lease, Run
from tests.engine.table_rows import add_rows


@pytest.fixture(autouse=True)
def furnished() -> None:
    add_rows()


def put(name: str, status: RunStatus = RunStatus.QUEUED, **values: object) -> str:
    run = Run(project_id="default", name=name, model_id="m1", dataset_id="d1", recipe={}, status=status)
    for field, value in values.items():
        setattr(run, field, value)
    with db.session() as session:
        session.add(run)
    return run.id


def shown(owner: TestClient) -> list[tuple[str, int, str]]:
    return [(row["name"], row["place"], row["waits_for"]["kind"]) for row in owner.get("/api/queue").json()["waiting"]]


def test_the_queue_says_what_runs_what_waits_and_for_what(owner: TestClient) -> None:
    training = put("now", RunStatus.RUNNING, device="cpu", started_at=time.time())
    with db.session() as session:
        session.add(Lease(holder_id=training, holder_kind="run", device="cpu"))
    first = put("first")
    put("later", after_run_id=first, hold="after")
    failed = put("failed", RunStatus.FAILED)
    put("blocked", after_run_id=failed, hold="blocked")
    put("last", hold="dataset")
    answer = owner.get("/api/queue").json()
    assert [row["name"] for row in answer["running"]] == ["now"]
    assert shown(owner) == [
        ("first", 1, "device"),
        ("later", 2, "after"),
        ("blocked", 3, "blocked"),
        ("last", 4, "dataset"),
    ]
    words = [row["waits_for"]["words"] for row in answer["waiting"]]
    assert words[0] == "A free device: `now` uses it."
    assert words[1] == "The end of `first`, if that succeeds."
    assert words[2] == "Blocked: `failed` has failed, and this run starts only if it succeeds."
    assert "Resume `failed`" in answer["waiting"][2]["waits_for"]["remedy"]
    assert answer["total"] == 4
    assert [row["name"] for row in owner.get("/api/queue?offset=1&limit=2").json()["waiting"]] == ["later", "blocked"]
    (device,) = answer["devices"]
    assert (device["name"], [holder["name"] for holder in device["holders"]]) == ("cpu", ["now"])
    assert device["holders"][0]["free"] == ["stop_run"]
    assert 0 < device["free_bytes"] < device["memory_bytes"]


def test_the_order_is_changed_and_a_stale_one_is_refused_in_words(owner: TestClient) -> None:
    ids = {name: put(name) for name in "abc"}
    assert owner.put("/api/queue/order", json={"run_ids": [ids["c"], ids["a"]]}).status_code == 204
    assert [name for name, _, _ in shown(owner)] == ["c", "b", "a"]
    owner.post(f"/api/runs/{ids['b']}/stop")
    for run_ids, status, words in (
        ([ids["a"], ids["b"]], 409, "`b` does not wait in the queue: it is stopped"),
        (["nothing"], 404, "no run `nothing`"),
        ([ids["a"], ids["a"]], 422, "twice"),
        ([], 422, "run_ids"),
        (["../../x"], 422, "run_ids"),
    ):
        refused = owner.put("/api/queue/order", json={"run_ids": run_ids})
        assert (refused.status_code, words in refused.text) == (status, True), refused.text
    assert [name for name, _, _ in shown(owner)] == ["c", "a"]


def test_it_is_paused_and_goes_on(owner: TestClient) -> None:
    put("a")
    assert owner.post("/api/queue/pause").json()["paused_at"]
    assert shown(owner) == [("a", 1, "paused")]
    assert owner.post("/api/queue/resume").json()["paused_at"] is None
    assert shown(owner) == [("a", 1, "device")]


def test_settings_are_kept_and_what_is_none_is_refused(owner: TestClient) -> None:
    body = {"stop_after_failure": True, "sleep_idle_minutes": 5}
    assert owner.put("/api/queue/settings", json=body).status_code == 200
    settings = owner.get("/api/queue").json()["settings"]
    assert (settings["stop_after_failure"], settings["sleep_idle_minutes"]) == (True, 5)
    refused = owner.put("/api/queue/settings", json=body | {"sleep_idle_minutes": 0})
    assert (refused.status_code, "`sleep_idle_minutes` is 0" in refused.text) == (422, True)


def test_a_device_is_freed_and_one_who_is_gone_is_said_to_be_gone(owner: TestClient) -> None:
    run_id = put("now", RunStatus.RUNNING)
    assert owner.post("/api/queue/free", json={"act": "stop_run", "id": run_id}).status_code == 204
    assert owner.get(f"/api/runs/{run_id}").json()["status"] == "stopping"
    refused = owner.post("/api/queue/free", json={"act": "stop_endpoint", "id": "gone"})
    assert (refused.status_code, "ended by itself" in refused.text) == (409, True)
    assert owner.post("/api/queue/free", json={"act": "delete_run", "id": run_id}).status_code == 422


def test_a_run_says_its_priority_and_whom_it_waits_for(owner: TestClient) -> None:
    first = put("first")
    second = owner.get(f"/api/runs/{put('second', rank=-5, after_run_id=first)}").json()
    assert (second["priority"], second["after"]) == (5, first)
