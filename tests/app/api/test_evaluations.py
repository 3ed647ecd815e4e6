"""Reports and evaluations over REST, over the real engine, with a worker that needs no model."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.cli import evaluate, printed
from engine.evaluate import line, reports
from engine.process import plan, work
from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.engine.evaluate.test_asked_rows import kept
from tests.serving import finished_run, ready_model
from tests.waiting import wait_for


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setitem(plan.WORKERS, "evaluate", "tests.fake_evaluator")
    model = ready_model()
    Path(str(model.path), "config.json").write_text("{}")
    return finished_run(model)


def tick_until_over(owner: TestClient, address: str) -> dict[str, object]:
    def over() -> dict[str, object] | None:
        work.tick()
        line.tick()
        found: dict[str, object] = owner.get(address).json()
        return found if found["status"] not in ("queued", "running") else None

    found = wait_for(over)
    assert found is not None
    return found


def test_the_report_of_a_run_is_always_there_once_it_has_succeeded(owner: TestClient, run: Run) -> None:
    address = f"/api/runs/{run.id}/report"
    none_yet = owner.get(address)
    assert (none_yet.status_code, none_yet.json()["status"], none_yet.json()["reports"]) == (200, "failed", 0)
    asked = owner.post(address)
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    found = tick_until_over(owner, address)
    assert (found["verdict"], found["primary"], found["rows"]) == ("better", "exact_match", 40)
    assert owner.post(address, json={"all_rows": True}).json()["reports"] == 2
    assert owner.get(address).json()["status"] == "queued"
    assert owner.get(address, params={"first": True}).json()["verdict"] == "better"
    assert owner.get("/api/runs/nope/report").status_code == 404
    with db.session() as session:
        session.get_one(Run, run.id).status = RunStatus.STOPPED
    assert owner.get(address).status_code == 409
    assert owner.post(address).status_code == 409


def test_evaluations_are_made_listed_tagged_stopped_and_deleted(owner: TestClient, run: Run) -> None:
    body = {"name": "mine", "subject": f"run:{run.id}", "tags": ["first"]}
    made = owner.post("/api/evaluations", json=body)
    assert (made.status_code, made.json()["status"], made.json()["against"]) == (201, "queued", f"model:{run.model_id}")
    address = f"/api/evaluations/{made.json()['id']}"
    found = owner.get(address).json()
    assert (found["result"]["status"], found["result"]["verdict"]) == ("queued", None)
    listed = owner.get("/api/evaluations", params={"tag": "first", "search": "min"})
    assert (len(listed.json()), listed.headers["X-Total-Count"]) == (1, "1")
    assert owner.patch(address, json={"tags": ["other"]}).json()["tags"] == ["other"]
    assert owner.post(f"{address}/stop").json()["status"] == "stopped"
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404


def test_the_rows_of_an_evaluation_are_paged_over_rest(owner: TestClient) -> None:
    address = f"/api/evaluations/{kept(scores=[[1.0, 0.0]] * 30 + [[0.0, 1.0]]).id}/rows"
    first = owner.get(address, params={"change": "worse"})
    assert (first.status_code, len(first.json()), first.headers["X-Total-Count"]) == (200, 20, "30")
    rest = owner.get(address, params={"change": "worse", "offset": 20}).json()
    assert [row["row"] for row in rest] == list(range(21, 31))
    assert owner.get(address, params={"search": "30 plus"}).json()[0]["row"] == 31
    assert owner.get("/api/evaluations/nope/rows").status_code == 404
    assert owner.get(address, params={"change": "louder"}).status_code == 422


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"subject": "run:nope"}, 404),
        ({"subject": "jokes"}, 422),
        ({"against": "model:nope"}, 404),
        ({"dataset_id": "nope"}, 404),
        ({"kind": "judge"}, 422),
        ({"limit": 0}, 422),
        ({"seed": -1}, 422),
        ({"project_id": "nope"}, 404),
        ({"tags": ['a "quoted" one']}, 422),
        ({"sead": 1}, 422),
    ],
)
def test_what_cannot_be_compared_is_refused_in_the_one_shape(
    owner: TestClient, run: Run, change: dict[str, object], status: int
) -> None:
    answer = owner.post("/api/evaluations", json={"name": "mine", "subject": f"run:{run.id}"} | change)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert owner.get("/api/evaluations").json() == []


def test_the_command_line_asks_for_the_report_and_shows_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate.report(run.id)
    assert "Better." in capsys.readouterr().out
    assert len(reports.log_of(run.id)) == 1
    printed.answering(evaluate.report)(run_id=run.id, as_json=True)
    assert '"verdict": "better"' in capsys.readouterr().out
    evaluate.evaluate(f"run:{run.id}", limit=10)
    assert "Better." in capsys.readouterr().out
