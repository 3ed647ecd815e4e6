"""What people write on runs, one or many, and how it is taken back."""

import time

import pytest

from engine.data import datasets
from engine.data import deleting as datasets_deleting
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.life import orphans
from engine.runs import bulk, changes, deleting, runs
from engine.runs.changes import Change
from storage import db, home
from storage.run_lists import hiding
from storage.run_lists.hiding import SEEING
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Evaluation, Metric, Run, RunUndo
from tests import stored_runs
from tests.stored_evaluations import add as add_evaluation

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}"


def make_old(undo_id: str | None, seconds: float = 31) -> None:
    with db.session() as session:
        session.get_one(RunUndo, str(undo_id)).at -= seconds


def age(run_id: str, seconds: float) -> None:
    with db.session() as session:
        run = session.get(Run, run_id, execution_options=SEEING)
        assert run
        assert run.deleted_at
        run.deleted_at -= seconds


def test_every_field_is_changed_and_the_change_is_undone() -> None:
    run_id = stored_runs.add("old", tags=["a"], note="before")
    wanted = Change("new", ["b", " c  d ", "b"], "# A note\r\nof two lines", favourite=True, archived=True)
    run, undo_id = changes.change(run_id, wanted)
    assert (run.name, run.tags, run.note) == ("new", ["b", "c d"], "# A note\nof two lines")
    assert run.favourite
    assert run.archived
    words, restored = changes.undo(str(undo_id))
    assert words == "old renamed to new"
    assert restored == [run_id]
    run = runs.look_up(run_id)
    assert (run.name, run.tags, run.note, run.favourite, run.archived) == ("old", ["a"], "before", False, False)


def test_what_is_left_out_stays_and_no_change_needs_no_undo() -> None:
    run_id = stored_runs.add("same", tags=["a"], note="n")
    assert changes.change(run_id, Change())[1] is None
    assert changes.change(run_id, Change(name="same", tags=["a"]))[1] is None
    assert changes.can_be_undone() == []


def test_an_undo_is_over_after_half_a_minute_and_after_it_was_done() -> None:
    run_id = stored_runs.add("old")
    _, late = changes.change(run_id, Change(archived=True))
    make_old(late)
    _, once = changes.change(run_id, Change(name="new"))
    assert [row.id for row in changes.can_be_undone("default")] == [once]
    assert changes.can_be_undone("other") == []
    changes.undo(str(once))
    for undo_id in (str(late), str(once), "gone"):
        with pytest.raises((ConflictError, NotFoundError), match="can no longer be undone"):
            changes.undo(undo_id)
    assert runs.look_up(run_id).archived


def test_an_undo_leaves_what_was_changed_again_since_then() -> None:
    run_id = stored_runs.add("first")
    _, undo_id = changes.change(run_id, Change(name="second", archived=True))
    changes.change(run_id, Change(name="third"))
    changes.undo(str(undo_id))
    assert (runs.look_up(run_id).name, runs.look_up(run_id).archived) == ("third", False)


@pytest.mark.parametrize("text", [HOSTILE, "שלום עולם", "مرحبا", "'; DROP TABLE run; --", "$(rm -rf /)", "a\\b"])
def test_names_tags_and_notes_are_kept_as_they_were_written(text: str) -> None:
    run_id = stored_runs.add()
    changes.change(run_id, Change(text, [text[:40]], text))
    run = runs.look_up(run_id)
    assert (run.name, run.tags, run.note) == (text, [text[:40]], text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(name=""), "needs a name"),
        (Change(name="a\x00b"), "cannot be the name"),
        (Change(name="a\u202eb"), "cannot be the name"),
        (Change(tags=["x" * 41]), "cannot be a tag"),
        (Change(tags=["a\u202eb"]), "cannot be a tag"),
        (Change(tags=["a,b"]), "cannot be a tag"),
        (Change(tags=[str(number) for number in range(21)]), "21 tags"),
        (Change(tags=[f"{number:040}" for number in range(11)]), "440 characters"),
        (Change(note="x" * 20_001), "20,001 characters"),
        (Change(note="a\x1bb"), "control character"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_changed(change: Change, words: str) -> None:
    run_id = stored_runs.add("kept", tags=["t"], note="n")
    with pytest.raises(RefusedError, match=words):
        changes.change(run_id, Change(change.name, change.tags, change.note, archived=True))
    run = runs.look_up(run_id)
    assert (run.name, run.tags, run.note, run.archived) == ("kept", ["t"], "n", False)


def test_many_are_archived_and_tagged_at_once_and_come_back_at_once() -> None:
    ids = [stored_runs.add(f"run {number}", tags=["t"]) for number in range(3)]
    archived = bulk.act_on("archive", [*ids, ids[0], "gone"])
    assert archived.done == ids
    assert [one["id"] for one in archived.refused] == ["gone"]
    assert [row.words for row in changes.can_be_undone()] == ["3 runs archived"]
    tagged = bulk.act_on("tag", ids, "new")
    assert all(runs.look_up(run_id).tags == ["t", "new"] for run_id in ids)
    bulk.act_on("untag", ids[:1], "t")
    assert runs.look_up(ids[0]).tags == ["new"]
    changes.undo(str(tagged.undo))
    assert [runs.look_up(run_id).tags for run_id in ids] == [["new"], ["t"], ["t"]]
    changes.undo(str(archived.undo))
    assert not any(runs.look_up(run_id).archived for run_id in ids)


def test_many_are_stopped_and_those_that_ended_are_named() -> None:
    waits, over = stored_runs.add("waits", RunStatus.QUEUED), stored_runs.add("over")
    outcome = bulk.act_on("stop", [waits, over])
    assert (outcome.done, outcome.undo) == ([waits], None)
    assert "ended already" in outcome.refused[0]["message"]
    assert runs.look_up(waits).status == RunStatus.STOPPED


@pytest.mark.parametrize(("ids", "tag"), [([], "t"), (["a"] * 1 + [str(n) for n in range(1000)], "t"), (["a"], " ")])
def test_a_change_of_many_needs_runs_and_a_tag(ids: list[str], tag: str) -> None:
    with pytest.raises(RefusedError):
        bulk.act_on("tag", ids, tag)


def test_a_deleted_run_is_gone_and_comes_back_whole() -> None:
    run_id = stored_runs.add("mine", idempotency_key="key")
    stored_runs.add_points(run_id, "loss", [1.0, 2.0])
    file = home.ensure_folder(home.run_folder(run_id)) / "output.log"
    file.write_text("words")
    report, waits = add_evaluation("done", run_id=run_id), add_evaluation("w", run_id=run_id, status=WorkStatus.QUEUED)
    undo_id = runs.delete_run(run_id)
    for act in (runs.look_up, runs.delete_run):
        with pytest.raises(NotFoundError):
            act(run_id)
    deleting.remove_due()
    orphans.sweep()
    changes.undo(undo_id)
    assert runs.look_up(run_id).idempotency_key == "key"
    assert file.read_text() == "words"
    with db.reading() as session:
        assert len(session.connection().exec_driver_sql("SELECT * FROM metric").all()) == 2
        assert session.get_one(Evaluation, report.id).status == WorkStatus.SUCCEEDED
        assert session.get_one(Evaluation, waits.id).status == WorkStatus.STOPPED


def test_after_half_a_minute_rows_and_files_of_a_deleted_run_are_removed() -> None:
    run_id, other = stored_runs.add("mine"), stored_runs.add("other")
    for each in (run_id, other):
        stored_runs.add_points(each, "loss", [1.0])
        home.ensure_folder(home.run_folder(each))
    undo_id = runs.delete_run(run_id)
    age(run_id, 29)
    deleting.remove_due()
    assert home.run_folder(run_id).exists()
    age(run_id, 4)
    make_old(undo_id, 40)
    deleting.remove_due()  # as the next life does after a kill
    deleting.remove_due()
    assert not home.run_folder(run_id).exists()
    assert home.run_folder(other).exists()
    with db.reading() as session:
        assert session.get(Run, run_id, execution_options=SEEING) is None
        assert session.get(Metric, (run_id, "loss", 1)) is None
        assert session.get(Metric, (other, "loss", 1)) is not None
        assert session.get(RunUndo, undo_id) is None


def test_a_run_killed_between_row_and_folder_leaves_a_folder_that_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = stored_runs.add("mine", created_at=time.time())
    folder = home.ensure_folder(home.run_folder(run_id))
    runs.delete_run(run_id)
    with db.session() as session:
        hiding.drop(session, [run_id])  # and there it was killed
    monkeypatch.setattr(orphans, "OLD_SECONDS", -1)
    orphans.sweep()
    assert not folder.exists()


def test_many_are_deleted_and_what_may_not_be_deleted_stays() -> None:
    ids = [stored_runs.add("a"), stored_runs.add("b"), stored_runs.add("moves", RunStatus.RUNNING)]
    outcome = bulk.act_on("delete", ids)
    assert outcome.done == ids[:2]
    assert "Stop it first" in outcome.refused[0]["message"]
    assert [row.words for row in changes.can_be_undone()] == ["2 runs deleted"]
    changes.undo(str(outcome.undo))
    assert [runs.look_up(run_id).name for run_id in ids] == ["a", "b", "moves"]


def test_a_deleted_run_does_not_keep_its_dataset_and_comes_back_after_it() -> None:
    run_id = stored_runs.add("mine")
    undo_id = runs.delete_run(run_id)
    deletion = datasets.delete_dataset("d1")
    with pytest.raises(ConflictError, match="deleted too"):
        changes.undo(undo_id)
    datasets_deleting.undo(deletion)
    assert changes.undo(undo_id)[1] == [run_id]
    assert runs.look_up(run_id).name == "mine"


def test_a_deleted_run_goes_with_its_dataset() -> None:
    run_id = stored_runs.add()
    undo_id = runs.delete_run(run_id)
    datasets_deleting.free(datasets.delete_dataset("d1"))
    assert changes.undo(undo_id)[1] == []
    with pytest.raises(NotFoundError):
        runs.look_up(run_id)


def test_the_key_of_a_deleted_run_begins_a_new_one() -> None:
    run_id = stored_runs.add("first", idempotency_key="key")
    undo_id = runs.delete_run(run_id)
    second = stored_runs.add("second", idempotency_key="key")
    changes.undo(undo_id)
    assert runs.look_up(second).idempotency_key == "key"
    assert runs.look_up(run_id).idempotency_key is None
