"""Lists of runs over REST: filters, sorting, changes, many at once, undo, saved views."""

import json
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.runs import bulk
from storage import home
from storage.statuses import RunStatus
from storage.tables import RunFacts
from tests import stored_runs
from tests.browser.stored_runs import add_run
from tests.load.counting import counting
from tests.serving import finished_checkpoint, finished_run, ready_model

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}"


def names(owner: TestClient, **query: object) -> list[str]:
    answer = owner.get("/api/runs", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [run["name"] for run in answer.json()]


def test_runs_are_filtered_and_sorted_by_fields_and_metrics(owner: TestClient) -> None:
    first = stored_runs.add("a", tags=["x"], loss=2.0, created_at=10.0)
    stored_runs.add("b", RunStatus.FAILED, recipe={"method": "dpo"}, loss=1.0, created_at=20.0, favourite=True)
    stored_runs.add("c", archived=True, created_at=30.0)
    stored_runs.add_points(first, "eval_loss", [3.0, 0.5, 4.0])
    assert names(owner) == ["c", "b", "a"]
    for query, expected in (
        ({"search": "A"}, ["a"]),
        ({"status": ["failed", "stopped"]}, ["b"]),
        ({"method": "dpo"}, ["b"]),
        ({"model_id": "m1", "dataset_id": "d1", "archived": False}, ["b", "a"]),
        ({"tag": "x"}, ["a"]),
        ({"favourite": True}, ["b"]),
        ({"archived": True}, ["c"]),
        ({"since": 20, "until": 30}, ["b"]),
        ({"sort": "loss"}, ["b", "a", "c"]),
        ({"sort": "-name", "limit": 2, "offset": 1}, ["b", "a"]),
        ({"sort": "metric:eval_loss:best"}, ["a", "c", "b"]),
        ({"offset": 99}, []),
    ):
        assert names(owner, **query) == expected, query
    assert owner.get("/api/runs?archived=false&limit=1").headers["X-Total-Count"] == "2"


def test_a_list_a_run_and_a_comparison_say_the_same_of_how_long_it_took(owner: TestClient) -> None:
    earlier = RunFacts(began_at=100.0, seconds_before=60.0)
    again = stored_runs.add("again", attempt=2, facts=earlier, started_at=1000.0, ended_at=1030.0)
    waits = stored_runs.add("waits", RunStatus.QUEUED, attempt=2, facts=earlier)
    answers = owner.get("/api/runs?sort=name").json(), [owner.get(f"/api/runs/{one}").json() for one in (again, waits)]
    for runs in (*answers, owner.get(f"/api/runs/compare?run={again}&run={waits}").json()["runs"]):
        assert [run["seconds"] for run in runs] == [90.0, 60.0]
    assert owner.get(f"/api/runs/{again}/curves?name=loss").json()["started_at"] == 100.0


@pytest.mark.parametrize(
    "query", ["sort=secret", "sort=metric:", "sort=metric:lr:best", "status=gone", "limit=0", "since=x", "model_id=A B"]
)
def test_a_list_that_cannot_be_asked_for_is_refused_in_words(owner: TestClient, query: str) -> None:
    answer = owner.get(f"/api/runs?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["hint"]


def test_a_run_is_changed_and_the_header_says_how_to_undo_it(owner: TestClient) -> None:
    run_id = stored_runs.add("old")
    body = {"name": HOSTILE, "tags": ["a", HOSTILE[:40]], "note": HOSTILE, "favourite": True, "archived": True}
    answer = owner.patch(f"/api/runs/{run_id}", json=body)
    assert answer.status_code == 200
    assert {field: answer.json()[field] for field in body} == body
    [undo] = owner.get("/api/runs/undo").json()
    assert undo["id"] == answer.headers["X-Undo-Id"]
    assert owner.post(f"/api/runs/undo/{undo['id']}").json()["run_ids"] == [run_id]
    assert owner.get(f"/api/runs/{run_id}").json()["name"] == "old"
    again = owner.post(f"/api/runs/undo/{undo['id']}")
    assert (again.status_code, again.json()["error"]["type"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"nme": "x"}, {"name": ""}, {"name": "a\u0000b"}, {"tags": ["x" * 41]}, {"tags": ["a,b"]}, {"tags": "a"},
        {"note": "x" * 20_001}, {"note": "a\u0007b"}, {"archived": "perhaps"}, {"status": "succeeded"},
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused_in_words(owner: TestClient, body: dict[str, object]) -> None:
    run_id = stored_runs.add("kept")
    answer = owner.patch(f"/api/runs/{run_id}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["hint"]
    assert owner.get(f"/api/runs/{run_id}").json()["name"] == "kept"


def test_many_are_changed_at_once(owner: TestClient) -> None:
    ids = [stored_runs.add("a"), stored_runs.add("b", RunStatus.RUNNING)]
    answer = owner.post("/api/runs/bulk", json={"action": "delete", "run_ids": [*ids, "gone"]}).json()
    assert answer["done"] == ids[:1]
    assert [refused["id"] for refused in answer["refused"]] == [ids[1], "gone"]
    assert owner.get(f"/api/runs/{ids[0]}").status_code == 404
    assert owner.post(f"/api/runs/undo/{answer['undo']}").json()["run_ids"] == ids[:1]
    tagged = owner.post("/api/runs/bulk", json={"action": "tag", "run_ids": ids, "tag": "x"}).json()
    assert tagged["done"] == ids
    assert names(owner, tag="x") == ["b", "a"]
    for body in (
        {"action": "sell", "run_ids": ids},
        {"action": "tag", "run_ids": ids},
        {"action": "stop", "run_ids": []},
    ):
        assert owner.post("/api/runs/bulk", json=body).status_code == 422


def test_a_deleted_run_is_not_found_and_its_key_and_list_are_free_at_once(owner: TestClient) -> None:
    run_id = stored_runs.add("mine")
    folder = home.ensure_folder(home.run_folder(run_id))
    answer = owner.delete(f"/api/runs/{run_id}")
    assert answer.status_code == 204
    for address in (f"/api/runs/{run_id}", f"/api/runs/{run_id}/metrics", f"/api/runs/{run_id}/log"):
        assert owner.get(address).status_code == 404
    assert owner.delete(f"/api/runs/{run_id}").status_code == 404
    assert owner.get("/api/runs").headers["X-Total-Count"] == "0"
    assert owner.post(f"/api/runs/undo/{answer.headers['X-Undo-Id']}").status_code == 200
    assert owner.get(f"/api/runs/{run_id}").json()["name"] == "mine"
    assert folder.exists()
    owner.delete(f"/api/runs/{run_id}")
    assert owner.delete("/api/datasets/d1").status_code == 204


def test_views_are_kept_replaced_and_deleted(owner: TestClient) -> None:
    body = {"name": HOSTILE, "query": "?status=failed&page=3&chosen=a,b&evil=1"}
    view = owner.post("/api/runs/views", json=body).json()
    assert (view["name"], view["query"]) == (HOSTILE, "status=failed")
    owner.post("/api/runs/views", json=body | {"query": "tag=a b"})
    assert [kept["query"] for kept in owner.get("/api/runs/views").json()] == ["tag=a+b"]
    for wrong in ({"query": "page=2"}, {"query": "q=" + "x" * 2001}, {"name": ""}, {"project_id": "gone"}):
        assert owner.post("/api/runs/views", json=body | wrong).status_code in (404, 422)
    assert owner.delete(f"/api/runs/views/{view['id']}").status_code == 204
    assert owner.delete(f"/api/runs/views/{view['id']}").status_code == 404


def test_what_was_done_long_ago_is_not_offered(owner: TestClient) -> None:
    run_id = stored_runs.add("old", created_at=time.time())
    assert owner.get("/api/runs/undo", params={"project_id": "other"}).json() == []
    owner.patch(f"/api/runs/{run_id}", json={"name": "new"})
    assert owner.get("/api/runs/undo", params={"project_id": "default"}).json()[0]["words"] == "old renamed to new"


def test_a_waiting_run_gets_its_place_in_the_queue_by_the_same_call(owner: TestClient) -> None:
    first, second = (add_run(name, RunStatus.QUEUED) for name in ("first", "second"))
    body = {"name": "later", "priority": 5, "after": first}
    assert owner.patch(f"/api/runs/{second}", json=body).json()["name"] == "later"
    waiting = {run["id"]: run for run in owner.get("/api/queue").json()["waiting"]}
    assert (waiting[second]["priority"], waiting[second]["name"]) == (5, "later")
    assert "first" in str(waiting[second])
    circle = owner.patch(f"/api/runs/{first}", json={"after": second, "name": "changed"})
    assert circle.status_code == 409
    assert owner.get(f"/api/runs/{first}").json()["name"] == "first"
    assert owner.patch(f"/api/runs/{first}", json={"priority": 101}).status_code == 422
    ended = add_run("ended", RunStatus.SUCCEEDED)
    assert owner.patch(f"/api/runs/{ended}", json={"priority": 1}).status_code == 409


def test_what_a_filter_finds_is_changed_on_every_page_in_short_transactions_and_comes_back_as_one(
    owner: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PART", 10)
    for number in range(25):
        stored_runs.add(f"old {number}", tags=["keep"])
    other = stored_runs.add("new")
    asked = {"action": "delete", "filter": {"project_id": "default", "search": "old"}}
    with counting() as counted:
        answer = owner.post("/api/runs/bulk", json=asked).json()
    assert (len(answer["done"]), answer["refused"]) == (25, [])
    assert counted.writes == 3
    assert names(owner, limit=10) == ["new"]
    [undo] = owner.get("/api/runs/undo").json()
    assert (undo["id"], undo["words"]) == (answer["undo"], "25 runs deleted")
    restored = owner.post(f"/api/runs/undo/{undo['id']}").json()["run_ids"]
    assert sorted(restored) == sorted(answer["done"])
    assert owner.get("/api/runs?limit=1").headers["X-Total-Count"] == "26"
    assert owner.post(f"/api/runs/undo/{undo['id']}").status_code == 404
    tagged = owner.post("/api/runs/bulk", json={"action": "tag", "tag": "x", "ids": [other]}).json()
    assert tagged["done"] == [other]


@pytest.mark.parametrize(
    "body", [{}, {"filter": {}}, {"filter": {"status": ["gone"]}}, {"filter": {"tag": "a"}, "run_ids": ["a"]}]
)
def test_runs_of_a_change_are_named_once_and_never_all_by_a_slip(owner: TestClient, body: dict[str, object]) -> None:
    run_id = stored_runs.add("kept")
    answer = owner.post("/api/runs/bulk", json={"action": "delete", **body})
    assert (answer.status_code, bool(answer.json()["error"]["hint"])) == (422, True)
    assert owner.get(f"/api/runs/{run_id}").status_code == 200


def test_one_checkpoint_is_deleted_by_the_runs_name_and_its_step(owner: TestClient) -> None:
    run = finished_run(ready_model(), "two steps")
    for step in (4, 8):
        finished_checkpoint(run, step)
    at = "/api/runs/two%20steps/checkpoints"
    assert owner.delete(f"{at}/4").status_code == 204
    assert [checkpoint["step"] for checkpoint in owner.get(at).json()] == [8]
    gone = owner.delete(f"{at}/4")
    assert (gone.status_code, gone.json()["error"]["hint"]) == (404, "There is: step 8.")
    owner.post("/api/exports", json={"subject": f"run:{run.id}@8", "kind": "adapter"})
    kept = owner.delete(f"{at}/8")
    assert (kept.status_code, "There is an export of step 8" in kept.text) == (409, True)
    assert owner.delete(f"{at}/-1").status_code == owner.delete(f"{at}/x").status_code == 422


def test_the_command_line_lists_checkpoints_and_asks_before_it_deletes_one(home: Path) -> None:
    run = finished_run(ready_model(), "two steps")
    finished_checkpoint(run, 4, loss=0.5, eval_loss=0.75)
    finished_checkpoint(run, 8, loss=0.25)
    shell = CliRunner()
    listed = shell.invoke(cli, ["run", "checkpoints", "two steps"]).stdout.splitlines()
    assert [line.split("  ")[-1] for line in listed] == ["loss 0.5000, held out 0.7500, best", "loss 0.2500, newest"]
    refused = shell.invoke(cli, ["run", "delete-checkpoint", "two steps@4"], input="n\n")
    assert "Delete the checkpoint of step 4 of two steps? It is the best one by the recipe's measure." in refused.output
    assert shell.invoke(cli, ["run", "delete-checkpoint", "two steps"]).exit_code != 0
    done = shell.invoke(cli, ["run", "delete-checkpoint", f"run:{run.id}@4", "--yes", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["step"]) == (0, 4)
    assert len(shell.invoke(cli, ["run", "checkpoints", run.id]).stdout.splitlines()) == 1
