"""A project is deleted whole or not at all, for good, and never under something that is at work."""

from typing import Any

import pytest
from sqlmodel import SQLModel, select

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.life import orphans, upkeep
from engine.projects import contents, deleting
from engine.serve import routing
from storage import db, home
from storage.statuses import DatasetStatus, EndpointStatus, RunStatus, SweepStatus, WorkStatus
from storage.tables import (
    DEFAULT_PROJECT,
    AliasFollower,
    Backend,
    Benchmark,
    Dataset,
    Endpoint,
    Evaluation,
    Lesson,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    Sweep,
    Tuner,
    TuningJob,
)
from tests.engine.projects import full
from tests.engine.table_rows import RECIPE

CHORES = ("deleted runs", "deleted datasets")


def of(project_id: str, table: Any) -> Any:
    with db.reading() as session:
        return session.exec(select(table).where(table.project_id == project_id)).first()


def put(row: Any, **values: Any) -> None:
    with db.session() as session:
        for name, value in values.items():
            setattr(row, name, value)
        session.merge(row)


def upkeep_done() -> None:
    for chore in CHORES:
        upkeep.CHORES[chore].act()


def test_every_table_that_belongs_to_a_project_goes_with_it() -> None:
    belonging = {table.name for table in SQLModel.metadata.sorted_tables if "project_id" in table.c}
    covered = {table.__table__.name for table in (*deleting.HIDDEN, *deleting.FORGOTTEN, RegisteredModel)}
    assert covered == belonging


def test_what_is_in_a_project_is_counted_and_measured() -> None:
    project_id = full.project()
    inside = contents.of(project_id)
    assert inside.counts == dict.fromkeys(contents.COUNTED, 1)
    assert inside.words.startswith("1 run, 1 version of a dataset, 1 sweep, ")
    blob = next(home.blobs().glob("*.parquet")).stat().st_size
    assert inside.size_bytes == 5000 + 300 + blob


def test_a_project_goes_with_all_that_is_in_it_and_another_one_stays() -> None:
    project_id, other = full.project("Support"), full.project("Other")
    before, folders = full.everything(other), full.folders()
    assert min(full.everything(project_id).values()) == 1
    went = deleting.delete(project_id, " Support ")
    assert went.counts["runs"] == 1
    assert set(full.everything(project_id).values()) == {0}
    upkeep_done()
    assert full.everything(other) == before
    assert not any(full.everything(DEFAULT_PROJECT).values())
    left = [name for name in folders if name in full.folders()]
    assert len(left) == 7  # of the other: it has the same rows in its dataset, so their file stays once
    deleting.delete(other, "Other")
    upkeep_done()
    assert full.folders() == []


def test_another_name_and_the_default_project_are_refused() -> None:
    project_id = full.project()
    before = full.everything(project_id)
    with pytest.raises(RefusedError, match="is not the name"):
        deleting.delete(project_id, "support")
    with pytest.raises(ConflictError, match="default project"):
        deleting.delete(DEFAULT_PROJECT, "Default")
    with pytest.raises(NotFoundError):
        deleting.delete("gone", "gone")
    assert full.everything(project_id) == before


MOVING: dict[str, tuple[Any, dict[str, Any]]] = {
    "1 run is under way": (Run, {"status": RunStatus.QUEUED}),
    "1 sweep is under way": (Sweep, {"status": SweepStatus.RUNNING}),
    "1 evaluation is under way": (Evaluation, {"status": WorkStatus.RUNNING}),
    "1 benchmark is under way": (Benchmark, {"status": WorkStatus.QUEUED}),
    "1 tuning of an endpoint is under way": (Tuner, {"stage": "measuring"}),
    "1 import is under way": (Dataset, {"status": DatasetStatus.IMPORTING}),
    "1 fine-tuning job is under way": (TuningJob, {"stage": "validating"}),
    "1 lesson is under way": (Lesson, {"stage": "training"}),
}


def test_nothing_goes_while_something_in_it_moves_or_is_served() -> None:
    project_id = full.project()
    before = full.everything(project_id)
    for words, (table, values) in MOVING.items():
        row = of(project_id, table)
        still = {name: getattr(row, name) for name in values}
        put(row, **values)
        with pytest.raises(ConflictError, match=words):
            deleting.delete(project_id, "Support")
        put(row, **still)
    with db.session() as session:
        session.exec(select(Backend)).one().status = EndpointStatus.ASLEEP
    with pytest.raises(ConflictError, match="`support` of the project `Support` is served"):
        deleting.delete(project_id, "Support")
    assert full.everything(project_id) == before


def test_nothing_goes_while_another_project_needs_something_of_it() -> None:
    project_id, other = full.project("Support"), full.project("Other")
    run, model, endpoint = of(project_id, Run), of(project_id, RegisteredModel), of(other, Endpoint)
    before = full.everything(project_id)
    needing = {
        "`joke` of another project uses the dataset `asked`": Run(
            project_id=other, name="joke", model_id="m1", dataset_id=run.dataset_id, recipe=RECIPE.model_dump()
        ),
        "`support` of another project follows": AliasFollower(
            endpoint_id=endpoint.id, registered_id=model.id, alias="best"
        ),
        "`tuned` is kept: version 2 of": ModelVersion(
            registered_id=of(other, RegisteredModel).id, number=2, kind="adapter", run_id=run.id, lineage={}
        ),
        "An endpoint serves the run `tuned`": Backend(
            endpoint_id=endpoint.id, kind="transformers", model_id="m1", adapters=[run.id], status=EndpointStatus.READY
        ),
    }
    for words, row in needing.items():
        with db.session() as session:
            session.add(row)
        with pytest.raises(ConflictError, match=words):
            deleting.delete(project_id, "Support")
        with db.session() as session:
            session.delete(row)
    assert full.everything(project_id) == before
    deleting.delete(project_id, "Support")


class Killed(BaseException):
    """In place of a kill: nothing catches it."""


def test_a_kill_after_the_decision_leaves_nothing_of_it_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """One before it leaves everything, as each refusal above does from within the same transaction."""

    def killed() -> None:
        raise Killed

    project_id = full.project()
    monkeypatch.setattr(routing, "forget", killed)
    with pytest.raises(Killed):
        deleting.delete(project_id, "Support")
    assert len(full.folders()) == 7
    upkeep_done()
    monkeypatch.setattr(orphans, "OLD_SECONDS", -1)
    with db.session() as session:
        session.get_one(Project, DEFAULT_PROJECT).created_at = 0
    orphans.sweep()
    assert set(full.everything(project_id).values()) == {0}
    assert full.folders() == []
