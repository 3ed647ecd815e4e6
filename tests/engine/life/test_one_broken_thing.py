"""One broken row, or one broken folder, stops nothing but itself: the next of its kind goes on."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from engine.data import importing
from engine.models import models
from engine.process import plan, work, work_kinds
from engine.runs import supervision, tracking
from engine.serve import backends
from storage import db, home
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus, WorkStatus
from storage.tables import Backend, Dataset, Endpoint, Model, Run, Work
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE
from tests.serving import end_all, ready_model
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.furnish(monkeypatch, steps=2)


def add(*rows: Any) -> None:
    with db.session() as session:
        for row in rows:
            session.add(row)
            session.flush()


def status(table: Any, row_id: str) -> str:
    with db.reading() as session:
        return str(session.get_one(table, row_id).status)


def a_file_for_a_folder(noun: str, row_id: str) -> None:
    (home.ensure_folder(home.folder(noun)) / row_id).write_text("not a folder")


def unreadable(table: str, column: str, row_id: str) -> None:
    """Breaks a row so that it cannot even be loaded."""
    with db.session() as session:
        session.connection().execute(text(f"UPDATE {table} SET {column} = '{{' WHERE id = :id"), {"id": row_id})


@pytest.mark.parametrize("broken", ["folder", "row"])
def test_datasets(broken: str) -> None:
    names = [f"b{number}" for number in range(importing.MOST_AT_ONCE + 1)]
    add(*(Dataset(id=name, project_id="default", name="broken", created_at=1.0) for name in names))
    add(Dataset(id="good", project_id="default", name="good", origin={"files": [{"name": "a.jsonl"}]}))
    (home.ensure_folder(home.dataset_folder("good")) / "source").write_text(
        json.dumps({"question": "a", "answer": "b"}) + "\n"
    )
    for name in names:
        a_file_for_a_folder("datasets", name) if broken == "folder" else unreadable("dataset", "origin", name)

    def ready() -> bool:
        importing.tick()
        return status(Dataset, "good") == DatasetStatus.READY

    wait_for(ready, 60)


def test_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.engine.models.fake_fetch")
    add(Model(id="bad", source="hub", source_id="owner/bad", name="bad", created_at=1.0))
    add(Model(id="good", source="hub", source_id="owner/good", name="good"))
    a_file_for_a_folder("models", "bad")

    def ready() -> bool:
        models.tick()
        return status(Model, "good") == ModelStatus.READY

    wait_for(ready, 60)


@pytest.mark.parametrize("broken", ["folder", "row"])
def test_work(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setitem(plan.WORKERS, "counting", "tests.engine.process.fake_work")
    monkeypatch.setitem(work_kinds.KINDS, "counting", work_kinds.Kind("count"))
    for row_id, where, born in (("b1", WorkStatus.RUNNING, 1.0), ("b2", WorkStatus.QUEUED, 2.0)):
        add(Work(id=row_id, kind="counting", subject_id="s", key="k", spec={}, status=where, created_at=born))
        a_file_for_a_folder("work", row_id) if broken == "folder" else unreadable("work", "spec", row_id)
    add(Work(id="good", kind="counting", subject_id="s", key="k", spec={}))

    def done() -> bool:
        work.tick()
        return status(Work, "good") == WorkStatus.SUCCEEDED

    wait_for(done, 60)


@pytest.mark.parametrize("broken", ["folder", "row"])
def test_runs(broken: str) -> None:
    fields: dict[str, Any] = {"project_id": "default", "name": "r", "model_id": "m1", "dataset_id": "d1"}
    values = RECIPE.model_dump()
    add(Run(id="b1", recipe=values, status=RunStatus.RUNNING, **fields), Run(id="b2", recipe=values, **fields))
    add(Run(id="good", recipe=values, **fields))
    for row_id in ("b1", "b2"):
        a_file_for_a_folder("runs", row_id) if broken == "folder" else unreadable("run", "recipe", row_id)

    def done() -> bool:
        supervision.tick()
        return status(Run, "good") == RunStatus.SUCCEEDED

    wait_for(done, 60)


@pytest.mark.parametrize("broken", ["folder", "row"])
def test_endpoints(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    model = ready_model()
    for row_id in ("bad", "good"):
        add(Endpoint(id=f"of-{row_id}", project_id="default", name=row_id))
        add(Backend(id=row_id, endpoint_id=f"of-{row_id}", kind="transformers", model_id=model.id))
    a_file_for_a_folder("backends", "bad") if broken == "folder" else unreadable("backend", "options", "bad")

    def ready() -> bool:
        backends.tick()
        return status(Backend, "good") == EndpointStatus.READY

    wait_for(ready, 60)
    with db.session() as session:
        session.connection().execute(text("UPDATE backend SET options = '{}'"))
    (home.folder("backends") / "bad").unlink(missing_ok=True)
    end_all()


@pytest.mark.parametrize("broken", ["folder", "row"])
def test_trackers(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setitem(plan.WORKERS, "track", "tests.load.resting")
    values = RECIPE.model_copy(update={"report_to": "mlflow"}).model_dump()
    fields: dict[str, Any] = {"project_id": "default", "name": "r", "model_id": "m1", "dataset_id": "d1"}
    for row_id in ("bad", "good"):
        add(Run(id=row_id, recipe=values, status=RunStatus.RUNNING, **fields))
    a_file_for_a_folder("runs", "bad") if broken == "folder" else unreadable("run", "facts", "bad")
    tracking.tick()
    assert (home.run_folder("good") / "tracking" / "mlflow" / "plan.1.json").exists()
    tracking.end("good")
