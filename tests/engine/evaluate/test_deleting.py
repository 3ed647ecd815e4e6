"""Evaluations that are deleted: nowhere at once, back within half a minute, then gone with what they wrote."""

import time

import pytest
from sqlalchemy import update
from sqlmodel import col

from engine.errors import ConflictError, NotFoundError
from engine.evaluate import deleting, evaluations, line, reports
from engine.life import upkeep
from engine.process import work
from engine.runs import changes
from storage import db, home
from storage import evaluations as stored
from storage.statuses import WorkStatus
from storage.tables import Evaluation, Work
from tests import stored_evaluations, stored_runs


def work_of(evaluation: Evaluation) -> Work:
    """What its worker has written, as it stands when the evaluation is over."""
    done = Work(kind="evaluate", subject_id=evaluation.id, key="k", spec={}, status=WorkStatus.SUCCEEDED)
    with db.session() as session:
        session.add(done)
    home.ensure_folder(work.folder(done))
    return done


def test_it_is_found_by_no_query_and_comes_back_with_what_it_wrote() -> None:
    row = stored_evaluations.add("a comparison", tags=["mine"])
    done = work_of(row)
    deletion_id = deleting.delete(row.id)
    with db.reading() as session:
        assert stored.listed(session, stored.Filter()) == stored.several(session, [row.id]) == []
        assert stored.between(session, "default", "run:a", "model:m") == stored.of_subjects(session, ["run:a"]) == []
        assert (stored.count(session, stored.Filter()), stored.tags_of(session, "default")) == (0, [])
    upkeep.CHORES["deleted evaluations"].act()  # too early
    assert deleting.undo(deletion_id) == ("a comparison deleted", [row.id])
    assert evaluations.look_up(row.id).result == row.result
    assert work.folder(done).exists()
    deletion_id = deleting.delete(row.id)
    with db.session() as session:
        old = update(Evaluation).where(col(Evaluation.id) == row.id).values(deleted_at=time.time() - 33)
        session.connection().execute(old)
    upkeep.CHORES["deleted evaluations"].act()
    assert not work.folder(done).exists()
    with pytest.raises(NotFoundError):
        deleting.undo(deletion_id)


def test_one_in_the_line_is_not_begun_and_comes_back_stopped() -> None:
    row = stored_evaluations.add("waits", status=WorkStatus.QUEUED, result={})
    deletion_id = deleting.delete(row.id)
    with db.reading() as session:
        assert stored.first_queued(session) is None
    line.tick()
    deleting.undo(deletion_id)
    assert evaluations.look_up(row.id).status == WorkStatus.STOPPED


def test_a_report_waits_for_its_run() -> None:
    run_id = stored_runs.add()
    first, again = stored_evaluations.report_on(run_id), stored_evaluations.report_on(run_id, "again")
    with pytest.raises(ConflictError, match="first report"):
        deleting.delete(first.id)
    deletion_id = deleting.delete(again.id)
    assert [row.id for row in reports.log_of(run_id)] == [first.id]
    undo_id = changes.delete(run_id)
    with pytest.raises(ConflictError, match="The run that it is a report on was deleted too"):
        deleting.undo(deletion_id)
    changes.undo(undo_id)
    deleting.undo(deletion_id)
    assert len(reports.log_of(run_id)) == 2
