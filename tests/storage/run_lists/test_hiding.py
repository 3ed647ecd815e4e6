"""A run that was deleted and can still be had back is hidden from every query, and from nobody who has to see it."""

import time

from sqlalchemy import func
from sqlmodel import col, select

from storage import counts, datasets, db, evaluations, exports, models, runs
from storage.run_lists import hiding
from storage.tables import Dataset, Evaluation, Export, Run
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
