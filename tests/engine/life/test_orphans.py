"""What kills leave on the disk is found and removed; what somebody is just making, or still has, is not."""

import os
import threading
import time
from pathlib import Path

import pytest

from engine.data import datasets
from engine.life import orphans
from engine.process import attempts, process, trash
from engine.process.plan import Plan
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import DEFAULT_PROJECT, Backend, Dataset, Endpoint, Model, Project, RegisteredModel, Run, Work
from tests.engine.table_rows import RECIPE
from tests.waiting import wait_for

NOUNS = ("datasets", "runs", "models", "backends", "work", "endpoints", "registry")
ROWS = "1" * 64


@pytest.fixture(autouse=True)
def old_database() -> None:
    """One that has known everything here: what is older than the database may be what a lost one knew."""
    with db.session() as session:
        session.get_one(Project, DEFAULT_PROJECT).created_at = 0


def left(noun: str, name: str, seconds_ago: float = 2 * orphans.OLD_SECONDS) -> Path:
    """A folder with a file in it, which nobody has touched for a while."""
    folder = home.ensure_folder(home.folder(noun)) / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "weights").write_bytes(b"x" * 1000)
    aged(folder, seconds_ago)
    return folder


def aged(path: Path, seconds_ago: float = 2 * orphans.OLD_SECONDS) -> None:
    moment = time.time() - seconds_ago
    for entry in (*(path.rglob("*") if path.is_dir() else ()), path):
        os.utime(entry, (moment, moment))


def blob(name: str) -> Path:
    path = home.ensure_folder(home.blobs()) / f"{name}.parquet"
    path.write_bytes(b"rows")
    aged(path)
    return path


def add_one_of_each(name: str) -> None:
    with db.session() as session:
        session.add(Model(id=name, source="hub", source_id="x", name="m"))
        session.add(Dataset(id=name, project_id="default", name="d", sha256=ROWS, status=DatasetStatus.READY))
        session.add(Endpoint(id=name, project_id="default", name="e"))
        session.add(RegisteredModel(id=name, project_id="default", name="g"))
        session.flush()
        values = RECIPE.model_dump()
        session.add(Run(id=name, project_id="default", name="r", model_id=name, dataset_id=name, recipe=values))
        session.add(Backend(id=name, endpoint_id=name, kind="transformers"))
        session.add(Work(id=name, kind="health", subject_id=name, key="k", spec={}))


@pytest.mark.parametrize("noun", NOUNS)
def test_an_old_folder_of_nothing_is_removed_and_a_young_one_stays(noun: str) -> None:
    old, young = left(noun, "gone"), left(noun, "young", seconds_ago=10)
    orphans.sweep()
    assert not old.exists()
    assert young.exists()
    trash.empty()
    assert list(home.folder("trash").glob("*")) == []


def test_what_has_a_row_stays_however_old_it_is() -> None:
    add_one_of_each("known")
    folders = [left(noun, "known") for noun in NOUNS]
    rows = blob(ROWS)
    orphans.sweep()
    assert all((folder / "checkpoints" / "weights").exists() for folder in folders)
    assert rows.exists()


def test_an_old_folder_that_somebody_is_filling_stays() -> None:
    folder = left("datasets", "copying")
    with attempts.starting(folder):
        aged(folder)
        orphans.sweep()
        assert folder.exists()
    aged(folder)
    orphans.sweep()
    assert not folder.exists()


def test_a_dataset_whose_copy_stands_still_for_long_is_not_swept_away_under_it(tmp_path: Path) -> None:
    """As when a laptop sleeps in the middle of a copy: the folder looks old, and no row knows it yet."""
    pipe_is_read, go_on = threading.Event(), threading.Event()
    folders = home.ensure_folder(home.folder("datasets"))
    datasets_begun: list[Dataset] = []

    def fill() -> None:
        pipe_is_read.set()
        go_on.wait(60)

    def begin() -> None:
        dataset = Dataset(project_id="default", name="slow")
        datasets_begun.append(datasets._save_and_start(dataset, fill))

    thread = threading.Thread(target=begin)
    thread.start()
    pipe_is_read.wait(60)
    (folder,) = folders.iterdir()
    aged(folder)
    orphans.sweep()
    assert folder.exists()
    go_on.set()
    thread.join()
    assert datasets.look_up(datasets_begun[0].id).name == "slow"
    process.end(folder)


def test_a_process_that_works_in_a_folder_of_nothing_is_ended() -> None:
    folder = home.ensure_folder(home.folder("runs")) / "gone"
    attempts.start(folder, 1, lambda: Plan(["sleep", "300"]))
    wait_for(lambda: "worker" in (folder / "shim.json").read_text() if (folder / "shim.json").exists() else False)
    aged(folder)
    orphans.sweep()
    assert not folder.exists()
    assert process.sweep(folder) == 0


def test_rows_that_no_dataset_has_go_but_not_while_an_import_may_come_to_them() -> None:
    rows = blob(ROWS)
    with db.session() as session:
        session.add(Dataset(id="importing", project_id="default", name="d"))
    orphans.sweep()
    assert rows.exists()
    with db.session() as session:
        session.get_one(Dataset, "importing").status = DatasetStatus.FAILED
    orphans.sweep()
    assert not rows.exists()


def test_discarding_is_one_rename_and_a_kill_before_the_trash_is_emptied_costs_nothing() -> None:
    folder = left("runs", "big")
    discarded = trash.discard(folder)
    assert not folder.exists()
    assert discarded is not None
    assert (discarded / "checkpoints" / "weights").exists()
    assert trash.discard(folder) is None  # twice is no error
    left("runs", "big")
    trash.discard(folder)
    assert len(list(home.folder("trash").iterdir())) == 2
    trash.empty()
    assert list(home.folder("trash").glob("*")) == []


def test_a_folder_that_is_a_link_to_another_place_is_forgotten_and_the_place_stays(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "mine").write_text("x")
    link = home.ensure_folder(home.folder("runs")) / "linked"
    link.symlink_to(tmp_path / "place")
    trash.discard(link)
    trash.empty()
    assert not link.is_symlink()
    assert (tmp_path / "place" / "mine").exists()
