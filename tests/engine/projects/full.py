"""A project with one of everything, put into the database, with the folders that each has."""

from typing import Any

from storage import db, home
from storage.statuses import EndpointStatus, ModelStatus, RunStatus, SweepStatus, WorkStatus
from storage.tables import (
    Backend,
    Benchmark,
    Chat,
    Endpoint,
    Evaluation,
    Lesson,
    LiveLink,
    Message,
    Model,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    RunUndo,
    SavedView,
    Snippet,
    SnippetVersion,
    Sweep,
    SweepTrial,
    Tuner,
    TuningJob,
)
from tests.engine.data.stored_datasets import stored_dataset
from tests.engine.table_rows import RECIPE


def project(name: str = "Support") -> str:
    """Its id. Nothing in it moves, nothing is served."""
    with db.session() as session:
        if session.get(Model, "m1") is None:
            session.add(Model(id="m1", source="path", source_id="/m", name="tiny", status=ModelStatus.READY))
        row = Project(name=name)
        session.add(row)
    dataset = stored_dataset(project_id=row.id, name="asked")
    home.ensure_folder(home.dataset_folder(dataset.id)).joinpath("a.jsonl").write_bytes(b"{}\n" * 100)
    run = Run(project_id=row.id, name="tuned", model_id="m1", dataset_id=dataset.id, recipe=RECIPE.model_dump())
    run.status = RunStatus.SUCCEEDED
    home.ensure_folder(home.run_folder(run.id)).joinpath("weights").write_bytes(b"x" * 5000)
    with db.session() as session:
        session.add(run)
    _small_things(row.id, run.id)
    _served_and_kept(row.id, run.id)
    return row.id


def _small_things(project_id: str, run_id: str) -> None:
    of: dict[str, Any] = {"project_id": project_id}
    measured: dict[str, Any] = {"endpoint_id": "e", "endpoint_name": "e"}
    chat, snippet = Chat(title="hello", **of), Snippet(name="sort", language="python", **of)
    sweep = Sweep(name="rates", spec={}, status=SweepStatus.SUCCEEDED, **of)
    rows = [
        chat, snippet, sweep,
        Evaluation(name="report", subject=f"run:{run_id}", against="model:m1", run_id=run_id,
                   status=WorkStatus.SUCCEEDED, **of),
        Benchmark(model="m", load={}, status=WorkStatus.SUCCEEDED, **measured, **of),
        Tuner(load={}, backend={}, variants=[], stage="over", status=WorkStatus.SUCCEEDED, **measured, **of),
        TuningJob(model="m", model_id="m1", model_name=f"ft:{project_id}", training_file="f", dataset_id="d",
                  method="supervised", seed=1, stage="started", **of),
        Lesson(stage="ready", **of), SavedView(name="mine", query="", **of), RunUndo(words="x", changes={}, **of),
    ]  # fmt: skip
    with db.session() as session:
        session.add_all(rows)
        session.flush()
        session.add(Message(chat_id=chat.id, side="user", content="hello"))
        session.add(SnippetVersion(snippet_id=snippet.id, number=1, files_json={"a.py": "1"}))
        session.add(SweepTrial(sweep_id=sweep.id, number=0, params={}, run_id=run_id))
        session.add(LiveLink(run_id=run_id, sha256=f"r{project_id}", expires_at=2e9))
        session.add(LiveLink(chat_id=chat.id, sha256=f"c{project_id}", expires_at=2e9))
    _folder("sweeps", sweep.id)


def _served_and_kept(project_id: str, run_id: str) -> None:
    endpoint = Endpoint(project_id=project_id, name="support", stopped_at=1.0)
    model = RegisteredModel(project_id=project_id, name=f"kept-{project_id}")
    with db.session() as session:
        session.add_all([endpoint, model])
        session.flush()
        backend = Backend(endpoint_id=endpoint.id, kind="transformers", model_id="m1", adapters=[run_id])
        backend.status = EndpointStatus.STOPPED
        version = ModelVersion(registered_id=model.id, number=1, kind="adapter", run_id=run_id, lineage={})
        session.add_all([backend, version])
        session.flush()
        session.add(ModelAlias(registered_id=model.id, alias="best", version_id=version.id))
    for noun, row_id in (("endpoints", endpoint.id), ("registry", model.id), ("backends", backend.id)):
        _folder(noun, row_id)


def _folder(noun: str, row_id: str) -> None:
    home.ensure_folder(home.folder(noun, row_id)).joinpath("row.json").write_text("{}")


def everything(project_id: str) -> dict[str, int]:
    """How many rows of each table belong to a project, deleted ones as well."""
    with db.reading() as session:
        tables = [table for table in Project.metadata.sorted_tables if "project_id" in table.c]
        counts = {table.name: session.connection().execute(table.select()).mappings().all() for table in tables}
    return {name: sum(row["project_id"] == project_id for row in rows) for name, rows in counts.items()}


def folders() -> list[str]:
    """Folders of runs, datasets and all else that a project has."""
    nouns = ("runs", "datasets", "sweeps", "endpoints", "registry", "backends", "blobs")
    return sorted(f"{noun}/{path.name}" for noun in nouns for path in home.folder(noun).glob("*"))
