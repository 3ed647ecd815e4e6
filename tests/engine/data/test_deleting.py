"""Datasets that are deleted: nowhere at once, back within half a minute, then gone with their rows and files."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from engine import deleted, listed
from engine.data import datasets, deleting, listing
from engine.errors import ConflictError, NotFoundError
from engine.life import orphans, upkeep
from storage import counts, db, home
from storage import datasets as stored
from storage.lists import datasets as stored_lists
from storage.run_lists.hiding import SEEING
from storage.tables import Dataset
from tests import stored_runs
from tests.engine.data.stored_datasets import stored_dataset


def age(dataset_id: str, seconds: float) -> None:
    with db.session() as session:
        query = update(Dataset).where(col(Dataset.id) == dataset_id)
        session.connection().execute(query.values(deleted_at=time.time() - seconds))


def blobs() -> list[str]:
    return sorted(path.stem for path in home.blobs().glob("*.parquet"))


def test_a_deleted_dataset_is_found_by_no_query() -> None:
    dataset = stored_dataset()
    datasets.delete_dataset(dataset.id)
    with db.reading() as session:
        found: dict[str, Callable[[], object]] = {
            "get": lambda: stored.get(session, dataset.id),
            "recent": lambda: stored.recent(session),
            "count": lambda: stored.count(session, "default"),
            "newest": lambda: stored.newest(session, "default"),
            "count_newest": lambda: stored.count_newest(session),
            "names": lambda: stored.names(session, [dataset.id]),
            "by_id": lambda: stored.by_id(session, [dataset.id]),
            "family": lambda: stored.family(session, dataset.id),
            "from_source": lambda: stored.from_source(session, "default", "upload"),
            "page": lambda: stored_lists.page(session, stored_lists.Filters("default")),
            "listed": lambda: stored_lists.count(session, stored_lists.Filters("default")),
            "kinds": lambda: stored_lists.kinds(session, "default"),
            "project": lambda: counts.of_project(session, "default").datasets,
            "statuses": lambda: counts.by_status(session)["datasets"]["ready"],
            "plain": lambda: session.exec(select(Dataset.id)).all(),
        }
        assert {name: answer() for name, answer in found.items() if answer()} == {}
        assert stored.with_blob(session, str(dataset.sha256))  # its rows are still somebody's


def test_a_deleted_dataset_comes_back_as_it_was_after_a_kill_and_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = stored_dataset(rows=2)
    file = home.ensure_folder(home.dataset_folder(dataset.id)) / "rejected.jsonl"
    file.write_text("{}\n")
    deletion_id = datasets.delete_dataset(dataset.id)
    assert [row.words for row in deleted.waiting(Dataset, "default")] == ["my *rows* deleted"]
    monkeypatch.setattr(orphans, "OLD_SECONDS", -1)
    upkeep.CHORES["deleted datasets"].act()  # what the next life does, too early for this one
    orphans.sweep()
    assert deleting.undo(deletion_id) == ("my *rows* deleted", [dataset.id])
    assert len(datasets.rows(dataset.id)) == 2
    assert file.exists()
    assert deleted.waiting(Dataset) == []
    with pytest.raises(NotFoundError):
        deleting.undo(deletion_id)  # a second click


def test_after_half_a_minute_row_rows_and_files_are_gone_whoever_lives_then() -> None:
    dataset, other = stored_dataset(rows=2), stored_dataset(rows=3)
    folder = home.ensure_folder(home.dataset_folder(dataset.id))
    deletion_id = datasets.delete_dataset(dataset.id)
    age(dataset.id, 31)
    with pytest.raises(ConflictError):
        deleting.undo(deletion_id)
    deleting.remove_due()
    assert folder.exists()
    age(dataset.id, 33)
    upkeep.CHORES["deleted datasets"].act()
    assert not folder.exists()
    assert blobs() == [other.sha256]
    with db.reading() as session:
        assert session.get(Dataset, dataset.id, execution_options=SEEING) is None


def test_rows_that_another_dataset_shares_outlive_a_deletion_and_an_undo() -> None:
    first, second = stored_dataset(), stored_dataset(name="same rows")
    deletion_id = datasets.delete_dataset(first.id)
    deleting.free(datasets.delete_dataset(second.id))
    assert blobs() == [first.sha256]  # the deleted one may come back, and needs them
    deleting.undo(deletion_id)
    assert datasets.rows(first.id)


def test_a_number_of_a_deleted_version_is_given_to_nobody_until_it_is_gone() -> None:
    first = stored_dataset()
    second = stored_dataset(rows=4, family_id=first.id, version=2)
    deletion_id = datasets.delete_dataset(second.id)
    assert [row.words for row in deleted.waiting(Dataset)] == ["Version 2 of my *rows* deleted"]
    with db.session() as session:
        assert [row.id for row in stored.newest(session)] == [first.id]
        assert stored.next_version(session, first.id) == 3
    listing.change(first.id, listed.Change(name="renamed meanwhile"))
    deleting.undo(deletion_id)
    assert datasets.look_up(second.id).name == "renamed meanwhile"


def test_many_go_and_come_back_together_and_one_in_use_stays() -> None:
    run_id = stored_runs.add("mine")  # learns from d1
    first, second = stored_dataset(), stored_dataset(name="other")
    version = stored_dataset(rows=5, family_id=first.id, version=2)
    outcome = listing.act_on("delete", [first.id, second.id, "d1"])
    assert outcome.done == [first.id, second.id]
    assert "Run `mine` uses" in outcome.refused[0]["message"]
    assert [row.words for row in deleted.waiting(Dataset)] == ["2 datasets deleted"]
    assert set(deleting.undo(str(outcome.undo))[1]) == {first.id, second.id, version.id}
    assert listing.act_on("delete", ["d1"]).undo is None
    assert run_id


def test_space_is_freed_at_once_where_a_disk_is_full() -> None:
    dataset = stored_dataset()
    deletion_id = datasets.delete_dataset(dataset.id)
    assert deleting.free(deletion_id) == [dataset.id]
    assert blobs() == []
    for gone in (deleting.free, deleting.undo):
        with pytest.raises(NotFoundError):
            gone(deletion_id)
