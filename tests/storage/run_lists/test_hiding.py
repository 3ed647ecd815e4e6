"""A run that was deleted and can still be had back is hidden from every query, and from nobody who has to see it."""

import time
from typing import Any

from sqlalchemy import event, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from storage import counts, datasets, db, evaluations, exports, models, runs
from storage.run_lists import hiding
from storage.tables import Dataset, Evaluation, Export, Project, Run
from tests import stored_runs
from tests.stored_evaluations import add as add_evaluation


def test_no_query_finds_a_hidden_run_its_exports_or_its_reports() -> None:
    run_id = stored_runs.add(deleted_at=time.time(), idempotency_key="k", artifact="adapter")
    add_evaluation("report", run_id=run_id)
    add_evaluation("other")
    with db.session() as session:
        session.add(Export(run_id=run_id, subject=f"run:{run_id}", kind="adapter", options={}))
    with db.reading() as session:
        assert runs.get(session, run_id) is None
        assert runs.recent(session) == runs.listed(session, "default", 10) == []
        assert runs.names(session, [run_id]) == {}
        assert counts.of_project(session, "default").runs == runs.count(session) == 0
        assert counts.by_status(session)["runs"]["succeeded"] == 0
        assert datasets.used_by(session, "d1") == models.used_by(session, "m1") == []
        assert runs.with_results(session, "default", 9) == []
        assert exports.recent(session) == []
        assert [row["name"] for row in evaluations.listed(session, evaluations.Filter("default"))] == ["other"]
        assert evaluations.of_run(session, run_id) == []
        assert session.scalar(select(func.count()).select_from(Export)) == 0
        assert session.get(Run, run_id, execution_options=hiding.SEEING) is not None
        assert [run.id for run in hiding.due(session, time.time() + 1)] == [run_id]


def test_a_run_that_was_found_before_it_was_hidden_can_be_read_again() -> None:
    run_id = stored_runs.add()
    with db.session() as session:
        run = session.get_one(Run, run_id)
        run.deleted_at = time.time()
        session.flush()
        session.refresh(run)
        assert run.deleted_at


def test_hidden_runs_do_not_hold_their_dataset() -> None:
    hidden, there = stored_runs.add(deleted_at=time.time()), stored_runs.add()
    stored_runs.add_points(hidden, "loss", [1.0])
    with db.session() as session:
        hiding.drop_hidden(session, "dataset_id", "d1")
    with db.session() as session:
        assert list(session.exec(select(Run.id), execution_options=hiding.SEEING)) == [there]
        session.delete(session.get_one(Run, there))
        session.flush()
        session.delete(session.get_one(Dataset, "d1"))
    with db.reading() as session:
        assert session.exec(select(Evaluation).where(col(Evaluation.run_id) == hidden)).all() == []


def test_a_hidden_run_is_found_by_no_way_of_asking() -> None:
    run_id = stored_runs.add(deleted_at=time.time())
    ids, other = select(Run.id), aliased(Run)
    inner = ids.cte("inner_runs")
    is_there = select(Run.id).where(col(Run.project_id) == col(Project.id)).exists()
    asked: list[Any] = [
        select(other.id),
        select(inner.c.id),
        select(ids.subquery().c.id),
        select(Project.id).join(Run, col(Run.project_id) == Project.id),
        select(Project.id).where(is_there),
        select(Project.id).where(col(Project.id).in_(select(Run.project_id))),
        select(func.count()).select_from(Run).having(func.count() > 0),
        ids.union_all(ids),
    ]
    with db.reading() as session:
        assert [list(session.scalars(query)) for query in asked] == [[] for _ in asked]
        seen = [list(session.scalars(query, execution_options=hiding.SEEING)) for query in asked]
    assert all(seen)
    assert run_id in seen[0]


def test_a_query_that_names_none_of_what_can_be_hidden_is_asked_as_it_is() -> None:
    asked: list[Any] = []
    plain, about_runs = select(Project), select(Run.id)
    with db.reading() as session:
        event.listen(session, "do_orm_execute", lambda state: asked.append(state.statement))
        session.exec(plain).all()
        session.exec(about_runs).all()
    assert asked[0] is plain
    assert asked[1] is not about_runs
