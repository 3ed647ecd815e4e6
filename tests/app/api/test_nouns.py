"""Each noun of the REST API, over the real engine and database."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.testclient import TestClient

from engine.process import plan
from storage import db
from storage import runs as stored_runs
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus, WorkStatus
from storage.tables import Backend, Dataset, Endpoint, Export, Lesson, Model, Run, Work
from tests.hostile_server import OK, hostile, text

T = TypeVar("T")


@pytest.fixture
def model(tiny_model: Path) -> Model:
    folder, ready = str(tiny_model), ModelStatus.READY
    return _kept(Model(source="path", source_id=folder, name="tiny", path=folder, status=ready, trainable=True))


@pytest.fixture
def dataset() -> Dataset:
    ready = DatasetStatus.READY
    return _kept(Dataset(project_id="default", name="texts", status=ready, kind="text", rows=50, accepted=50))


@pytest.fixture
def run(model: Model, dataset: Dataset) -> Run:
    row = Run(project_id="default", name="first", model_id=model.id, dataset_id=dataset.id, recipe={}, step=9)
    row.status = RunStatus.SUCCEEDED
    return _kept(row)


def _kept(row: T) -> T:
    with db.session() as session:
        session.add(row)
    return row


def test_projects_are_created_renamed_archived_and_restored(owner: TestClient) -> None:
    project = owner.post("/api/projects", json={"name": "  Jokes  "}).json()
    assert project["name"] == "Jokes"
    address = f"/api/projects/{project['id']}"
    assert owner.post("/api/projects", json={"name": "Jokes"}).status_code == 409
    assert owner.patch(address, json={"name": "Riddles"}).json()["name"] == "Riddles"
    assert owner.patch(address, json={"name": "Riddles"}).status_code == 200
    assert owner.patch(address, json={"name": "Default"}).status_code == 409
    assert owner.post(f"{address}/archive").json()["archived"]
    assert [project["id"] for project in owner.get("/api/projects").json()] == ["default"]
    assert len(owner.get("/api/projects?archived=true").json()) == 2
    assert not owner.post(f"{address}/restore").json()["archived"]
    assert owner.get(address).json()["name"] == "Riddles"
    assert owner.post("/api/projects/default/archive").status_code == 409
    inside = owner.get(f"{address}/contents").json()
    assert set(inside["counts"].values()) == {0}
    assert owner.delete(address).status_code == 422
    assert owner.delete(f"{address}?name=other").json()["error"]["message"] == "'other' is not the name of the project."
    assert owner.delete(address, params={"name": inside["name"]}).json() == inside
    assert owner.get(address).status_code == 404
    assert owner.delete("/api/projects/default?name=Default").status_code == 409
    assert owner.get("/api/projects/nope").status_code == 404


def test_a_keys_secret_is_shown_once_and_kept_as_a_hash(owner: TestClient, home: Path) -> None:
    key = owner.post("/api/keys", json={"name": "editor"}).json()
    assert key["scope"] == "inference"
    assert key["secret"].startswith("sk-tunesmith-")
    listed = owner.get("/api/keys").json()
    assert [key["id"] for key in listed] == [key["id"]]
    assert "secret" not in listed[0]
    db.forget()
    assert key["secret"].encode() not in b"".join(file.read_bytes() for file in home.glob("studio.db*"))
    assert owner.delete(f"/api/keys/{key['id']}").status_code == 204
    assert owner.delete(f"/api/keys/{key['id']}").status_code == 404
    assert owner.get("/api/keys").json() == []


def test_a_folder_becomes_a_model_once(owner: TestClient, tiny_model: Path) -> None:
    answer = owner.post("/api/models", json={"source": "path", "id": str(tiny_model)})
    assert answer.status_code == 201
    assert answer.json()["status"] == "ready"
    assert owner.post("/api/models", json={"source": "path", "id": str(tiny_model)}).json()["id"] == answer.json()["id"]
    address = f"/api/models/{answer.json()['id']}"
    assert owner.get(address).json()["path"]
    assert owner.get("/api/models").headers["x-total-count"] == "1"
    assert owner.post(f"{address}/retry").status_code in (200, 409)
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404


def test_a_model_from_somewhere_needs_an_id(owner: TestClient) -> None:
    answer = owner.post("/api/models", json={"source": "hub"})
    assert answer.status_code == 422
    assert "needs an id" in answer.json()["error"]["message"]


@pytest.fixture
def no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import's worker is a program that does nothing: these tests are about what comes before it."""
    monkeypatch.setitem(plan.WORKERS, "import_data", "this")


ROWS = b'{"instruction": "a", "output": "b"}\n' * 3

NO_ROWS = {"rows": [], "total": 0, "offset": 0, "positions": [], "looked_at": 0, "complete": True}


def test_an_uploaded_file_goes_to_disk_and_becomes_a_dataset(owner: TestClient, no_import: None, home: Path) -> None:
    fields = {"name": "My rows", "project_id": "default"}
    answer = owner.post("/api/datasets", files={"file": ("../../rows.jsonl", ROWS)}, data=fields)
    assert answer.status_code == 201, answer.text
    imported = answer.json()
    assert (imported["name"], imported["status"], imported["source_name"]) == ("My rows", "importing", "rows.jsonl")
    assert (home / "datasets" / imported["id"] / "source").read_bytes() == ROWS
    assert list((home / "uploads").iterdir()) == []
    assert [dataset["id"] for dataset in owner.get("/api/datasets?project_id=default").json()] == [imported["id"]]
    assert owner.get("/api/datasets?project_id=other").json() == []
    assert owner.get(f"/api/datasets/{imported['id']}").json() == imported
    assert owner.get(f"/api/datasets/{imported['id']}/rows").json() == NO_ROWS
    assert owner.get(f"/api/datasets/{imported['id']}/rejections").json()["rejections"] == []
    stopped = owner.post(f"/api/datasets/{imported['id']}/cancel").json()
    assert (stopped["status"], stopped["error"]) == ("failed", "The import was stopped.")
    assert owner.post("/api/datasets/nothing/cancel").status_code == 404


def test_rejections_and_rows_come_by_page(owner: TestClient, dataset: Dataset, home: Path) -> None:
    folder = home / "datasets" / dataset.id
    folder.mkdir(parents=True)
    rejections = [{"row": number, "rule": "empty answer", "value": "", "fix": "Write one."} for number in (3, 7, 9)]
    (folder / "rejected.jsonl").write_text("\n".join(map(json.dumps, rejections)) + "\n")
    file = owner.get(f"/api/datasets/{dataset.id}/rejections.jsonl")
    assert [json.loads(line)["row"] for line in file.text.splitlines()][1] == 7
    assert "rejected" in file.headers["content-disposition"]
    page = owner.get(f"/api/datasets/{dataset.id}/rejections?offset=1&limit=1").json()
    assert [rejection["row"] for rejection in page["rejections"]] == [7]


def test_a_path_becomes_a_dataset_and_the_file_stays(owner: TestClient, no_import: None, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(ROWS)
    imported = owner.post("/api/datasets", json={"source": "path", "id": str(file)}).json()
    assert (imported["name"], imported["source"]) == ("rows", "path")
    assert file.read_bytes() == ROWS
    assert owner.post("/api/datasets", json={"source": "hub", "id": "../b"}).status_code == 422


def test_an_upload_that_goes_wrong_leaves_nothing(
    owner: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [
        {"files": {"file": ("a", ROWS)}, "data": {"project_id": "nope"}},
        {"files": {"file": ("a", ROWS)}, "data": {"project_id": "../x"}},
        {"files": {"other": ("a", b"x" * 20_000)}},
        {"files": {"other": ("a", b"x")}},
        {"files": [("file", ("a", b"x")), ("file", ("b", b"x")), ("other", ("c", b"x"))]},
    ]
    for form in wrong:
        assert 400 <= owner.post("/api/datasets", **form).status_code < 500  # type: ignore[arg-type]
    monkeypatch.setenv("TUNESMITH_MAX_UPLOAD_GB", "0.000001")
    assert owner.post("/api/datasets", files={"file": ("a", b"x" * 2000)}).status_code == 413
    chunks = (b"x" * 500 for _ in range(10))
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert owner.post("/api/datasets", content=chunks, headers=headers).status_code in (400, 413)
    assert list((home / "uploads").iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_sent(owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_MAX_UPLOAD_GB", "1e9")
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(10**16)}
    answer = owner.post("/api/datasets", content=b"", headers=headers)
    assert answer.status_code == 507
    assert answer.json()["error"]["type"] == "disk_full"


def test_runs_are_listed_by_project_and_page(owner: TestClient, run: Run) -> None:
    answer = owner.get("/api/runs?limit=1")
    assert answer.headers["x-total-count"] == "1"
    assert answer.json()[0]["id"] == run.id
    assert owner.get("/api/runs?offset=1").json() == []
    assert owner.get("/api/runs?project_id=other").json() == []
    assert owner.get(f"/api/runs/{run.id}").json()["status"] == "succeeded"
    assert owner.patch(f"/api/runs/{run.id}", json={"name": "second"}).json()["name"] == "second"


def test_the_same_idempotency_key_starts_one_run(owner: TestClient, model: Model, dataset: Dataset) -> None:
    recipe = {"model_id": model.id, "dataset_id": dataset.id, "method": "cpt", "max_length": 32, "max_steps": 1}
    headers = {"idempotency-key": "once"}
    answers = [owner.post("/api/runs", json={"name": "a", "recipe": recipe}, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3, answers[0].text
    assert len({one.json()["id"] for one in answers}) == 1
    started = answers[0].json()
    assert (started["status"], started["recipe"]["max_steps"]) == ("queued", 1)
    assert owner.post(f"/api/runs/{started['id']}/resume").status_code == 409
    assert owner.post(f"/api/runs/{started['id']}/stop").status_code == 200


def test_a_run_begins_with_its_place_in_the_queue(owner: TestClient, model: Model, dataset: Dataset) -> None:
    recipe = {"model_id": model.id, "dataset_id": dataset.id, "method": "cpt", "max_length": 32, "max_steps": 1}
    first = owner.post("/api/runs", json={"name": "first", "recipe": recipe}).json()["id"]
    second = owner.post("/api/runs", json={"name": "second", "recipe": recipe, "after": first, "priority": 7}).json()
    assert (second["after"], second["priority"]) == (first, 7)
    waiting = {row["name"]: row["waits_for"]["kind"] for row in owner.get("/api/queue").json()["waiting"]}
    assert waiting["second"] == "after"
    for wrong, code in (({"after": "gone"}, 404), ({"priority": 101}, 422)):
        assert owner.post("/api/runs", json={"name": "third", "recipe": recipe, **wrong}).status_code == code


def test_a_recipe_is_checked_without_starting_anything(owner: TestClient, model: Model, dataset: Dataset) -> None:
    recipe = {"model_id": model.id, "dataset_id": dataset.id, "method": "sft", "max_length": 32}
    check = owner.post("/api/runs/check", json={"recipe": recipe})
    assert check.status_code == 200
    assert all(problem.keys() == {"field", "message", "hint", "level", "instead"} for problem in check.json())
    assert owner.get("/api/runs").json() == []
    missing = {**recipe, "model_id": "nope"}
    assert owner.post("/api/runs/check", json={"recipe": missing}).status_code == 404


def test_the_recipes_schema_has_its_fields_described(owner: TestClient) -> None:
    fields = owner.get("/api/recipes/schema").json()["properties"]
    assert all(field["description"] for field in fields.values())


def test_metrics_come_as_points_with_the_runs_state(owner: TestClient, run: Run) -> None:
    with db.session() as session:
        points = [(run.id, "loss", step, 1.0 / step) for step in range(1, 10)]
        stored_runs.add_metrics(session, [*points, (run.id, "grad_norm", 1, math.inf)])
    at = f"/api/runs/{run.id}/metrics"
    answer = owner.get(at, params={"name": "loss", "since": 7}).json()
    assert answer["points"] == [[8, 0.125], [9, 1 / 9]]
    assert (answer["status"], answer["step"], answer["ended"]) == ("succeeded", 9, True)
    assert not answer["thinned"]
    stretch = owner.get(at, params={"from": 2, "to": 4}).json()
    assert [step for step, _ in stretch["points"]] == [2, 3, 4]
    few = owner.get(at, params={"max_points": 2}).json()
    assert (few["points"], few["thinned"]) == ([[1, 1.0], [9, 1 / 9]], True)
    assert owner.get(at, params={"since": 2**53, "to": 2**53}).json()["points"] == []
    assert owner.get(at, params={"name": "grad_norm"}).json()["points"] == [[1, None]]
    assert owner.get(f"{at}/names").json() == ["grad_norm", "loss"]
    assert owner.get(at, params={"max_points": 1}).status_code == 422


def test_a_runs_log_events_and_checkpoints_are_there(owner: TestClient, run: Run, home: Path) -> None:
    folder = home / "runs" / run.id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output.log").write_text("hello\n")
    (folder / "events.jsonl").write_text('{"kind": "note", "at": 1, "message": "hi"}\n')
    log = owner.get(f"/api/runs/{run.id}/log").json()
    assert log["text"].strip() == "hello"
    assert owner.get(f"/api/runs/{run.id}/log?offset={log['offset']}").json()["text"] == ""
    (folder / "output.log").write_text("hello\nValueError: token=abcdef1234\n")
    assert owner.get(f"/api/runs/{run.id}/log?offset=-30").json()["levels"] == [[1, "error"]]
    found = owner.get(f"/api/runs/{run.id}/log/lines?level=error").json()
    assert found == {"lines": [{"offset": 6, "text": "ValueError: token=[hidden]", "level": "error"}], "next": None}
    assert owner.get(f"/api/runs/{run.id}/log/lines?level=loud").status_code == 422
    file = owner.get(f"/api/runs/{run.id}/log/download")
    assert (file.text, file.headers["x-content-type-options"]) == ("hello\nValueError: token=[hidden]\n", "nosniff")
    for part in ("log", "log/lines", "log/download"):
        assert owner.get(f"/api/runs/gone/{part}").status_code == 404
    events = owner.get(f"/api/runs/{run.id}/events").json()
    assert [event["message"] for event in events["events"]] == ["hi"]
    assert owner.get(f"/api/runs/{run.id}/events?after={events['after']}").json()["events"] == []
    assert owner.get(f"/api/runs/{run.id}/checkpoints").json() == []


def test_the_log_of_an_endpoints_process_and_of_work_is_read_searched_and_downloaded_like_that_of_a_run(
    owner: TestClient, run: Run, home: Path
) -> None:
    piece = Work(id="w1", kind="merge", subject_id=run.id, key="k", spec={}, status=WorkStatus.SUCCEEDED)
    endpoint = Endpoint(id="e1", name="e", project_id="default", active_backend_id="b1")
    with db.session() as session:
        session.add_all([piece, endpoint])
        session.flush()
        kept: dict[str, Any] = {"adapters": [], "options": {}, "served_names": ["e"], "status": EndpointStatus.STOPPED}
        session.add(Backend(id="b1", endpoint_id="e1", kind="transformers", model_id=run.model_id, **kept))
        session.add(Export(id="x1", run_id=run.id, subject=f"run:{run.id}", kind="merged", options={}, work_id="w1"))
    for folder in ("backends/b1", "work/w1"):
        (home / folder).mkdir(parents=True)
        (home / folder / "output.log").write_text("hello\nValueError: token=abcdef1234\n")
    for address in ("/api/backends/b1/log", "/api/work/w1/log", "/api/work/x1/log"):
        answer = owner.get(f"{address}?offset=6").json()
        assert (answer["text"], answer["levels"]) == ("ValueError: token=[hidden]\n", [[0, "error"]])
        [line] = owner.get(f"{address}/lines?level=error&limit=1").json()["lines"]
        assert (line["offset"], line["text"]) == (6, "ValueError: token=[hidden]")
        assert owner.get(f"{address}/download").text.startswith("hello\n")
    installation = Work(id="w2", kind="install_runtime", subject_id="runtime-vllm", key="k2", spec={"kind": "vllm"})
    with db.session() as session:
        session.add(installation)
    (home / "runtimes/logs").mkdir(parents=True)
    assert owner.get("/api/work/w2/log").json()["text"] == ""
    (home / "runtimes/logs/vllm-w2.log").write_text("Collecting vllm\n")
    assert owner.get("/api/work/w2/log").json()["text"] == "Collecting vllm\n"  # what pip says, not its worker alone
    for address in ("/api/backends/gone/log", "/api/work/gone/log"):
        for part in ("", "/lines", "/download"):
            assert owner.get(f"{address}{part}").status_code == 404


def test_a_finished_run_can_be_deleted(owner: TestClient, run: Run) -> None:
    assert owner.delete(f"/api/runs/{run.id}").status_code == 204
    assert owner.get(f"/api/runs/{run.id}").status_code == 404


def test_endpoints_are_made_listed_stopped_and_deleted(owner: TestClient, model: Model) -> None:
    answer = owner.post("/api/endpoints", json={"name": "tiny-chat", "model_id": model.id})
    assert answer.status_code == 201, answer.text
    address = f"/api/endpoints/{answer.json()['id']}"
    assert answer.json()["kind"] == "transformers"
    assert owner.get(address).json()["name"] == "tiny-chat"
    assert owner.get("/api/endpoints").headers["x-total-count"] == "1"
    assert owner.post(f"{address}/rollback").status_code == 409
    assert owner.post(f"{address}/deploy", json={"model_id": "nope"}).status_code in (404, 422)
    assert owner.post(f"{address}/stop").status_code == 200
    assert owner.delete(address).status_code in (204, 409)


def test_an_endpoint_that_lost_its_backend_is_shown_as_stopped(owner: TestClient) -> None:
    lost = _kept(Endpoint(project_id="default", name="lost"))
    assert owner.get(f"/api/endpoints/{lost.id}").json()["status"] == "stopped"
    assert owner.post("/api/runs/nope/serve").status_code == 404


def test_the_lesson_is_shown_once_it_was_started(owner: TestClient) -> None:
    assert owner.get("/api/lesson").status_code == 404
    _kept(Lesson(project_id="default", stage="training"))
    assert owner.get("/api/lesson").json()["stage"] == "training"
    assert owner.post("/api/lesson?project_id=nope").status_code == 404


def test_an_endpoint_tells_other_programs_how_to_call_it_with_the_address_it_was_asked_at(owner: TestClient) -> None:
    options = {"url": "http://127.0.0.1:9/v1", "model": "big"}
    made = owner.post("/api/endpoints", json={"name": "far", "backend": "external", "options": options}).json()
    address = f"/api/endpoints/{made['id']}/clients"
    clients = {client["id"]: client["code"] for client in owner.get(address).json()}
    assert set(clients) >= {"curl", "openai", "httpx", "javascript", "langchain", "continue", "vscode"}
    assert f"{owner.base_url}/v1/chat/completions" in clients["curl"]
    assert '"model": "far"' in clients["curl"]
    assert owner.get(f"{address}?model=near").status_code == 404
    assert owner.get("/api/endpoints/nope/clients").status_code == 404


def test_an_outside_address_is_looked_at_and_one_that_is_not_allowed_refused(owner: TestClient) -> None:
    with hostile({"/v1/models": text(OK + b'\r\n{"data": [{"id": "big", "owned_by": "tunesmith"}]}')}) as url:
        found = owner.post("/api/endpoints/outside", json={"url": url}).json()
    assert (found["server"], found["models"], found["problems"]) == ("Tunesmith", [{"id": "big", "context": None}], [])
    gone = owner.post("/api/endpoints/outside", json={"url": url}).json()
    assert "It cannot be reached" in gone["problems"][0]
    refused = owner.post("/api/endpoints/outside", json={"url": "http://169.254.169.254/"})
    assert refused.status_code == 422
    assert "link-local" in refused.json()["error"]["message"]
