"""Sweeps that are deleted: their runs go on as runs of their own, and are trials again when the sweep comes back."""

import time

import pytest
from sqlalchemy import update
from sqlmodel import col

from engine import called
from engine.errors import ConflictError, NotFoundError
from engine.life import orphans, upkeep
from engine.runs import runs
from engine.runs.changes import delete as delete_run
from engine.sweeps import deleting, sweeps
from storage import db, home
from storage.run_lists import wanted
from storage.statuses import SweepStatus
from storage.sweeps import trials
from storage.tables import Sweep, SweepTrial
from tests import stored_runs


def sweep_of(name: str, *run_ids: str) -> str:
    """A sweep that is over, with these runs for trials; gives its id."""
    sweep = Sweep(project_id="default", name=name, spec={}, status=SweepStatus.SUCCEEDED)
    with db.session() as session:
        session.add(sweep)
        session.flush()
        for number, run_id in enumerate(run_ids):
            session.add(SweepTrial(sweep_id=sweep.id, number=number, state="complete", params={}, run_id=run_id))
        trials.take_back(session, sweep.id, run_ids)
    return sweep.id


def grouped() -> set[str]:
    """The runs that the list shows where trials of a sweep are one line."""
    with db.reading() as session:
        return set(wanted.ids(session, wanted.Wanted("default", grouped=True), 10))


def test_its_runs_stand_alone_until_it_comes_back_after_a_kill_and_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, other = (stored_runs.add(name) for name in ("one", "two", "other"))
    sweep_id = sweep_of("rates", first, second)
    folder = home.ensure_folder(home.folder("sweeps", sweep_id))
    assert len(grouped()) == 2
    deletion_id = deleting.delete(sweep_id)
    assert grouped() == {first, second, other}
    with pytest.raises(NotFoundError):
        sweeps.look_up(sweep_id)
    with pytest.raises(NotFoundError):
        called.id_of(Sweep, "rates")
    delete_run(second)
    monkeypatch.setattr(orphans, "OLD_SECONDS", -1)
    upkeep.CHORES["deleted sweeps"].act()  # what the next life does, too early for this one
    orphans.sweep()
    assert deleting.undo(deletion_id) == ("rates deleted", [sweep_id])
    assert (runs.look_up(first).sweep_id, runs.look_up(other).sweep_id) == (sweep_id, None)
    assert sweeps.look_up(sweep_id).let_go is None
    assert folder.exists()


def test_its_name_is_free_at_once_and_who_took_it_keeps_it() -> None:
    run_id = stored_runs.add()
    first = sweep_of("rates", run_id)
    deletion_id = deleting.delete(first)
    second = sweep_of("rates")
    with pytest.raises(ConflictError, match="added again meanwhile"):
        deleting.undo(deletion_id)
    assert runs.look_up(run_id).sweep_id is None
    deleting.delete(second)
    assert deleting.undo(deletion_id)[1] == [first]


def test_after_half_a_minute_it_is_gone_with_its_trials_and_its_folder() -> None:
    run_id = stored_runs.add()
    sweep_id = sweep_of("rates", run_id)
    folder = home.ensure_folder(home.folder("sweeps", sweep_id))
    deletion_id = deleting.delete(sweep_id)
    with db.session() as session:
        session.connection().execute(update(Sweep).where(col(Sweep.id) == sweep_id).values(deleted_at=time.time() - 33))
    upkeep.CHORES["deleted sweeps"].act()
    assert (folder.exists(), runs.look_up(run_id).sweep_id) == (False, None)
    with db.reading() as session:
        assert list(trials.of_sweep(session, sweep_id)) == []
    with pytest.raises(NotFoundError):
        deleting.undo(deletion_id)
