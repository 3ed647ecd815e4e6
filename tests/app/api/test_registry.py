"""The registry over REST: a model's way from a run to production and back, and every refusal in one shape."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.registry import disk
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Evaluation, Run
from tests.serving import finished_checkpoint, finished_run, ready_model


@pytest.fixture
def runs() -> tuple[Run, Run]:
    model = ready_model()
    return finished_run(model, "first"), finished_run(model, "second")


def keep(owner: TestClient, run: Run, name: str = "jokes") -> int:
    answer = owner.post(f"/api/registry/{name}/versions", json={"run_id": run.id})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["version"])


def test_a_run_becomes_a_version_goes_into_production_and_back(owner: TestClient, runs: tuple[Run, Run]) -> None:
    assert [keep(owner, run) for run in runs] == [1, 2]
    address = "/api/registry/jokes/aliases/production"
    assert owner.put(address, json={"version": 1, "why": "works"}).json()["before"] is None
    moved = owner.put(address, json={"version": 2, "why": "better"})
    assert (moved.status_code, moved.json()["before"], moved.json()["version"]) == (200, 1, 2)
    assert owner.get("/api/registry/jokes/aliases").json() == {"production": 2}
    assert owner.post(f"{address}/rollback", json={"why": "worse"}).json()["version"] == 1
    whole = owner.get("/api/registry/jokes").json()
    assert (whole["aliases"], [version["version"] for version in whole["version_list"]]) == ({"production": 1}, [2, 1])
    (listed,) = owner.get("/api/registry").json()
    assert (listed["name"], listed["versions"], listed["newest"]) == ("jokes", 2, 2)
    log = owner.get("/api/registry/jokes/log")
    assert [(line["before"], line["after"], line["why"]) for line in log.json()][:3] == [
        (2, 1, "worse"),
        (1, 2, "better"),
        (None, 1, "works"),
    ]
    assert log.headers["x-total-count"] == "5"
    assert all(line["who"] == "the owner, over REST" for line in log.json())


def test_a_version_shows_its_files_its_card_and_its_lineage(owner: TestClient, runs: tuple[Run, Run]) -> None:
    keep(owner, runs[0])
    version = owner.get("/api/registry/jokes/versions/1").json()
    assert len(version["files"]["adapter_model.safetensors"]["sha256"]) == 64
    assert (version["subject"], version["holds"]) == ("version:jokes/1", f"run:{runs[0].id}")
    assert version["lineage"]["run"]["name"] == "first"
    changed = owner.patch("/api/registry/jokes/versions/1", json={"stage": "tested", "note": "ok", "tags": ["a"]})
    assert (changed.json()["stage"], changed.json()["tags"]) == ("tested", ["a"])
    assert owner.patch("/api/registry/jokes", json={"note": "puns"}).json()["note"] == "puns"
    assert owner.get("/api/registry/jokes/versions/1/card").text.startswith("---\n")
    assert owner.post("/api/registry/jokes/versions/1/verify").status_code == 202


def test_what_is_in_use_is_not_deleted_and_the_answer_says_by_what(owner: TestClient, runs: tuple[Run, Run]) -> None:
    keep(owner, runs[0])
    owner.put("/api/registry/jokes/aliases/production", json={"version": 1, "why": "works"})
    for address, words in {
        f"/api/runs/{runs[0].id}": "version 1 of `jokes` holds it",
        "/api/registry/jokes/versions/1": "the alias `production` leads to it",
        "/api/registry/jokes": "the alias `production` leads to it",
    }.items():
        refused = owner.delete(address)
        assert (refused.status_code, words in refused.json()["error"]["message"]) == (409, True)
    for address in ("/api/registry/jokes/aliases/production", "/api/registry/jokes/versions/1", "/api/registry/jokes"):
        assert owner.delete(address).status_code == 204
    assert owner.delete(f"/api/runs/{runs[0].id}").status_code == 204


def test_a_gate_reads_the_first_report_and_no_later_one(owner: TestClient, runs: tuple[Run, Run]) -> None:
    keep(owner, runs[0])
    address, body = "/api/registry/jokes/aliases/production", {"version": 1, "why": "works", "gate": True}
    none = owner.put(address, json=body)
    assert (none.status_code, "has no report" in none.json()["error"]["message"]) == (409, True)
    for number, verdict in enumerate(("no_proof", "better")):
        report(runs[0], verdict, number)
    shut = owner.put(address, json=body)
    assert shut.status_code == 409
    assert "the first report on version 1 of `jokes` says `no_proof`" in shut.json()["error"]["message"].lower()
    assert owner.get("/api/registry/jokes").json()["aliases"] == {}
    let = owner.put(address, json={**body, "gate": "not_worse"})
    assert (let.status_code, let.json()["gate"]["verdict"]) == (200, "no_proof")


def report(run: Run, verdict: str, at: float) -> None:
    result = {"verdict": verdict, "sentence": "As it is.", "rows": 40, "primary": "exact_match", "metrics": []}
    with db.session() as session:
        row = Evaluation(project_id="default", name="r", subject=f"run:{run.id}", against="model:x", run_id=run.id)
        row.status, row.result, row.created_at = WorkStatus.SUCCEEDED, result, at
        session.add(row)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/api/registry/jokes/versions", {}, 422),
        ("post", "/api/registry/jokes/versions", {"run_id": "nope"}, 404),
        ("post", "/api/registry/jokes/versions", {"run_id": "a", "export_id": "b"}, 422),
        ("post", "/api/registry/%3Cb%3E/versions", {"run_id": "nope"}, 404),
        ("post", "/api/registry/a%00b/versions", {"model_id": "nope"}, 404),
        ("get", "/api/registry/nope", None, 404),
        ("get", "/api/registry/nope/log", None, 404),
        ("get", "/api/registry/kept/versions/9", None, 404),
        ("get", "/api/registry/kept/versions/99999999999", None, 422),
        ("put", "/api/registry/kept/aliases/production", {"version": 9, "why": "x"}, 404),
        ("put", "/api/registry/kept/aliases/production", {"version": 1, "why": " "}, 422),
        ("put", "/api/registry/kept/aliases/production", {"version": 1}, 422),
        ("put", "/api/registry/kept/aliases/%E2%80%AEnoitcudorp", {"version": 1, "why": "x"}, 422),
        ("put", "/api/registry/kept/aliases/production", {"version": 1, "why": "x", "expected": 2}, 409),
        ("put", "/api/registry/kept/aliases/production", {"version": 1, "why": "x", "gate": "perfect"}, 422),
        ("post", "/api/registry/kept/aliases/nope/rollback", {"why": "x"}, 404),
        ("delete", "/api/registry/kept/aliases/nope", None, 404),
        ("patch", "/api/registry/kept/versions/1", {"stage": "perfect"}, 422),
        ("patch", "/api/registry/kept/versions/1", {"note": "\u202e"}, 422),
        ("post", "/api/registry/kept/aliases/nope/endpoints", {"name": "x"}, 404),
        ("put", "/api/endpoints/nope/follows", {"subject": "version:kept@production"}, 404),
        ("delete", "/api/endpoints/nope/follows", None, 404),
        ("post", "/api/disk/clean-up", {"ids": ["run:../.."]}, 404),
    ],
)
def test_what_is_wrong_is_said_in_the_one_shape(
    owner: TestClient, runs: tuple[Run, Run], method: str, path: str, body: object, status: int
) -> None:
    keep(owner, runs[0], "kept")
    answer = owner.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"type", "message", "hint"}
    assert [model["name"] for model in owner.get("/api/registry").json()] == ["kept"]


def test_the_disk_is_told_and_cleaned(owner: TestClient, runs: tuple[Run, Run]) -> None:
    finished_checkpoint(runs[0], 3)
    disk.forget()
    looked = owner.get("/api/disk").json()
    (item,) = looked["removable"]
    assert item["id"] == f"checkpoints:{runs[0].id}"
    removed = owner.post("/api/disk/clean-up", json={"ids": [item["id"]]}).json()
    assert removed == {"removed_bytes": item["size_bytes"]}
    assert owner.get("/api/disk").json()["removable"] == []


def test_an_endpoint_is_made_for_an_alias_and_follows_it(owner: TestClient, runs: tuple[Run, Run]) -> None:
    keep(owner, runs[0])
    owner.put("/api/registry/jokes/aliases/production", json={"version": 1, "why": "works"})
    made = owner.post("/api/registry/jokes/aliases/production/endpoints", json={"name": "funny"}).json()
    assert made["follows"] == "version:jokes@production"
    assert owner.get(f"/api/endpoints/{made['id']}/follows").json()["follows"] == "version:jokes@production"
    (follower,) = owner.get("/api/registry/jokes").json()["endpoints"]
    assert (follower["endpoint"], follower["version"]) == ("funny", 1)
    assert owner.delete("/api/registry/jokes/aliases/production").status_code == 409
    assert owner.delete(f"/api/endpoints/{made['id']}/follows").status_code == 204
    assert owner.delete(f"/api/endpoints/{made['id']}").status_code == 204
    assert owner.delete("/api/registry/jokes/aliases/production").status_code == 204


def test_an_endpoint_is_made_for_any_subject(owner: TestClient, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    run = finished_run(ready_model(tmp_path), "first")
    keep(owner, run)
    owner.put("/api/registry/jokes/aliases/production", json={"version": 1, "why": "works"})
    for number, subject in enumerate((f"run:{run.id}", f"model:{run.model_id}", "version:jokes/1")):
        answer = owner.post("/api/endpoints", json={"name": f"endpoint-{number}", "subject": subject})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["adapters"] == ([] if subject.startswith("model:") else [run.id])
        assert owner.get(f"/api/endpoints/{made['id']}/follows").json()["follows"] is None
    made = owner.post("/api/endpoints", json={"name": "follows", "subject": "version:jokes@production"}).json()
    assert owner.get(f"/api/endpoints/{made['id']}/follows").json()["follows"] == "version:jokes@production"
    for wrong in ({"subject": "jokes"}, {"subject": "run:gone"}, {"subject": "version:jokes/1", "adapters": ["a"]}):
        assert owner.post("/api/endpoints", json={"name": "none", **wrong}).status_code in (404, 422)


def test_versions_come_a_page_at_a_time(owner: TestClient, runs: tuple[Run, Run]) -> None:
    for run in (*runs, runs[0]):
        keep(owner, run)
    answer = owner.get("/api/registry/jokes/versions?offset=1&limit=1")
    assert (answer.headers["X-Total-Count"], [version["version"] for version in answer.json()]) == ("3", [2])
