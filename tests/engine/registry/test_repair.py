"""The database is deleted, and the rows come back from the folders alone; what cannot is said."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from engine.data import datasets, importing
from engine.life import orphans
from engine.process import plan, process
from engine.process.meter import samples
from engine.process.meter.samples import Line
from engine.recipes.recipe import Recipe
from engine.registry import aliases, endpoint_files, following, manifests, versions
from engine.registry.aliases import Promotion
from engine.registry.repair import repair
from engine.runs import machine_samples
from engine.runs import runs as all_runs
from engine.serve import endpoints
from storage import db, home
from storage.statuses import DatasetStatus, RunStatus
from storage.tables import (
    Dataset,
    Export,
    Metric,
    Model,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    RegistryMove,
    Run,
    Work,
)
from tests.engine import table_rows
from tests.engine.registry.kept_things import merged_export
from tests.serving import write_adapter
from tests.waiting import wait_for

ROWS = [{"instruction": f"What is {n}?", "output": f"It is {n}."} for n in range(30)]
TABLES: tuple[type[SQLModel], ...] = (Model, Dataset, Run, Metric, Export, RegisteredModel, ModelVersion, ModelAlias)
NOT_COMPARED = {"events_offset", "moved_at", "files", "checked_at"}


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of the fake worker, in a project of its own, on a dataset that a real worker imported."""
    table_rows.furnish(monkeypatch, steps=12, save=5)
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    with db.session() as session:
        session.add(Project(id="p1", name="Mine"))
    dataset = datasets.import_file(file, "sums", "p1")

    def is_ready() -> bool:
        importing.tick()
        return datasets.look_up(dataset.id).status == DatasetStatus.READY

    wait_for(is_ready, 60)
    (home.home() / "m").mkdir()
    with db.session() as session:
        session.get_one(Model, "m1").path = str(home.home() / "m")
        session.delete(session.get_one(Dataset, "d1"))  # it has no rows
    recipe = Recipe(model_id="m1", dataset_id=dataset.id)
    run = table_rows.until(all_runs.start_run("learn sums", recipe, "p1").id, RunStatus.SUCCEEDED, seconds=60)
    write_adapter(home.run_folder(run.id) / "adapter", run.id)
    samples.append(home.run_folder(run.id), Line(run.created_at, 2.0, 7, {"gpu0_watts": 300.0}))
    machine_samples.take_in(run, home.run_folder(run.id))
    return run


def rows() -> dict[str, list[dict[str, Any]]]:
    with db.reading() as session:
        found = {
            table.__tablename__: [row.model_dump(mode="json") for row in session.exec(select(table))]
            for table in TABLES
        }
    return {
        str(name): sorted(
            ({column: value for column, value in row.items() if column not in NOT_COMPARED} for row in listed), key=str
        )
        for name, listed in found.items()
    }


def lose_the_database() -> None:
    db.forget()
    for path in home.home().glob("studio.db*"):
        path.unlink()
    db.prepare()


def test_runs_datasets_and_versions_come_back_when_the_database_is_deleted(trained: Run) -> None:
    all_runs.rename_run(trained.id, "sums, learnt")
    versions.add("sums", run_id=trained.id, note="works", tags=["maths"])
    versions.add("sums", export_id=merged_export(trained).id)
    aliases.move("sums", "production", Promotion(1, "it works", "anna"))
    aliases.move("sums", "production", Promotion(2, "whole", "ben"))
    manifests.keep_up()
    before = rows()
    assert (
        len([point for point in before["metric"] if not point["name"].startswith("machine/")]) == 48
    )  # four of each step
    assert [point for point in before["metric"] if point["name"] == "machine/gpu0_watts"]
    lose_the_database()
    assert rows()["run"] == []
    outcome = repair.repair()
    assert rows() == before
    assert outcome.rebuilt["run"] == ["sums, learnt"]
    assert outcome.rebuilt["version"] == ["sums/1", "sums/2"]
    with db.reading() as session:
        log = [
            (line.after, line.who, line.why) for line in session.exec(select(RegistryMove)) if line.action == "moved"
        ]
        assert session.get_one(Project, "p1").name == "Mine"
        assert session.exec(select(Work.kind).where(Work.kind == "export_merged")).all() == ["export_merged"]
    assert log == [(1, "anna", "it works"), (2, "ben", "whole")]
    assert datasets.rows(trained.dataset_id)[0]["messages"][0]["content"] == "What is 0?"
    assert versions.add("sums", run_id=trained.id).number == 3
    assert not repair.repair().rebuilt


def test_without_manifests_a_run_comes_back_from_its_spec_and_its_events_and_says_what_it_has_lost(
    trained: Run,
) -> None:
    before = rows()
    lose_the_database()
    shutil.rmtree(home.dataset_folder(trained.dataset_id))
    assert not list(home.home().glob("runs/*/row.json"))
    outcome = repair.repair()
    after = all_runs.look_up(trained.id)
    assert (after.status, after.artifact, after.step, after.max_steps) == (RunStatus.SUCCEEDED, "adapter", 12, 12)
    assert (after.recipe, rows()["metric"]) == (trained.recipe, before["metric"])
    assert after.name == f"run {trained.id}"
    assert f"The run `run {trained.id}` has lost its name and its project." in outcome.notes
    dataset = datasets.look_up(trained.dataset_id)
    assert (dataset.status, dataset.accepted, dataset.kind) == (DatasetStatus.READY, 30, "chat")


def test_one_damaged_folder_stops_nothing_but_itself(trained: Run) -> None:
    manifests.keep_up()
    lose_the_database()
    broken = home.folder("runs", "broken")
    broken.mkdir()
    (broken / "row.json").write_text('{"format": 1, "rows": {"run": [{"id": "broken"')
    (broken / "spec.json").write_text("[]")
    (home.blobs() / f"{trained_sha256(trained)}.parquet").unlink()
    outcome = repair.repair()
    assert all_runs.look_up(trained.id).status == RunStatus.SUCCEEDED
    assert "runs/broken says nothing from which a run could be made again." in outcome.notes
    assert "The dataset `sums` has no rows any more." in outcome.notes
    assert datasets.look_up(trained.dataset_id).status == DatasetStatus.FAILED


def trained_sha256(run: Run) -> str:
    told = json.loads((home.dataset_folder(run.dataset_id) / "row.json").read_text())
    return str(told["rows"]["dataset"][0]["sha256"])


def test_a_run_that_was_killed_while_the_database_was_gone_is_interrupted_and_stays_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table_rows.furnish(monkeypatch, steps=5000, pause=0.02)
    run = all_runs.start_run("long", table_rows.RECIPE)
    table_rows.until(run.id, RunStatus.RUNNING, seconds=60)
    manifests.keep_up()
    process.kill(home.run_folder(run.id))
    lose_the_database()
    repair.repair()
    after = all_runs.look_up(run.id)
    assert (after.name, after.status, after.attempt) == ("long", RunStatus.INTERRUPTED, 1)


def test_a_run_that_lives_is_taken_up_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    table_rows.furnish(monkeypatch, steps=8, gate=gate)
    run = all_runs.start_run("goes on", table_rows.RECIPE)
    table_rows.until(run.id, RunStatus.RUNNING, seconds=60)
    manifests.keep_up()
    lose_the_database()
    repair.repair()
    assert all_runs.look_up(run.id).status == RunStatus.RUNNING
    gate.touch()
    after = table_rows.until(run.id, RunStatus.SUCCEEDED, seconds=60)
    assert (after.step, after.attempt) == (8, 1)


def test_what_a_lost_database_knew_is_not_swept_away_as_if_it_were_nobodys(trained: Run) -> None:
    manifests.keep_up()
    folders = [home.run_folder(trained.id), home.dataset_folder(trained.dataset_id)]
    for path in [home.home(), *folders, *(path for folder in folders for path in folder.rglob("*"))]:
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    lose_the_database()
    orphans.sweep()
    assert all(folder.is_dir() for folder in folders)
    assert list(home.blobs().glob("*.parquet"))


def test_manifests_are_written_once_and_again_when_a_row_changes(trained: Run) -> None:
    path = home.run_folder(trained.id) / manifests.FILE
    manifests.keep_up()
    first = path.stat().st_mtime_ns
    manifests.keep_up()
    assert path.stat().st_mtime_ns == first
    all_runs.rename_run(trained.id, "other")
    manifests.keep_up()
    assert manifests.read(path.parent)["run"][0]["name"] == "other"


def test_endpoints_come_back_stopped_with_what_they_served_and_the_alias_they_follow(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    versions.add("sums", run_id=trained.id)
    aliases.move("sums", "production", Promotion(1, "it works", "anna"))
    followed = following.serve("answers", "version:sums@production")
    outside = endpoints.create_endpoint("far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "m"})
    endpoint_files.keep_up()
    written = (home.folder("endpoints", followed.id) / "row.json").stat().st_mtime_ns
    endpoint_files.keep_up()
    assert (home.folder("endpoints", followed.id) / "row.json").stat().st_mtime_ns == written
    for endpoint in (followed, outside):
        process.kill(home.backend_folder(str(endpoint.active_backend_id)))
    lose_the_database()
    outcome = repair.repair()
    assert outcome.rebuilt["endpoint"] == [one.name for one in sorted((followed, outside), key=lambda one: one.id)]
    assert outcome.rebuilt["follower"] == ["answers follows production"]
    found = endpoints.describe(endpoints.look_up(followed.id))
    assert (found["status"], found["kind"], found["adapters"]) == ("stopped", "transformers", [trained.id])
    assert following.of_endpoints([followed.id]) == {followed.id: "version:sums@production"}
    assert endpoints.describe(endpoints.look_up(outside.id))["options"]["url"] == "http://127.0.0.1:9/v1"
    endpoints.start_endpoint(outside.id)
    assert endpoints.look_up(outside.id).stopped_at is None
    for endpoint in (followed, outside):
        endpoints.delete_endpoint(endpoint.id)
    assert not home.folder("endpoints", followed.id).exists()
    lose_the_database()
    assert "endpoint" not in repair.repair().rebuilt
