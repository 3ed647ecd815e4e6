"""Imports under way: processes killed, waiting in line, cancelled, done again by a mapping; and what crashes leave."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlmodel import select

from engine.data import datasets, deleting, importing, incoming_files
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import plan, process, work
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Work
from tests.engine.data import slow_imports
from tests.waiting import wait_for

ROWS = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(100)]
MAPPING = {"kind": "completion", "parts": {"prompt": "frage", "completion": "antwort"}}
SMALL_DISK = """
import resource
from engine.workers import contract
from engine.workers.data import import_files
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
contract.run(import_files.work)
"""


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settled(dataset: Dataset) -> Dataset:
    def ended() -> Dataset | None:
        importing.tick()
        current = datasets.look_up(dataset.id)
        return current if current.status != DatasetStatus.IMPORTING else None

    ended_dataset = wait_for(ended, 60, every=0.1)
    assert ended_dataset is not None
    return ended_dataset


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program in the place of the import worker."""

    def put(text: str) -> None:
        (tmp_path / "other_import.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setitem(plan.WORKERS, "import_data", "other_import")

    return put


@pytest.fixture
def slow(program: Callable[[str], None]) -> None:
    program(slow_imports.PROGRAM)


def family(dataset: Dataset, children: int) -> tuple[psutil.Process, list[psutil.Process]]:
    """The worker of an import, and the processes that judge for it, once they do."""
    folder = home.dataset_folder(dataset.id)

    def judging_processes() -> tuple[psutil.Process, list[psutil.Process]] | None:
        importing.tick()
        try:
            worker = psutil.Process(json.loads((folder / "shim.json").read_text())["worker"])
            judging = [child for child in worker.children() if "spawn_main" in " ".join(child.cmdline())]
        except (FileNotFoundError, KeyError, psutil.Error):
            return None
        return (worker, judging) if len(judging) == children else None

    processes = wait_for(judging_processes, 60)
    assert processes
    return processes


def have_ended(processes: list[psutil.Process]) -> bool:
    return not any(judging.is_running() and judging.status() != psutil.STATUS_ZOMBIE for judging in processes)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("victim", ["worker", "shim"])
def test_no_process_outlives_a_killed_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str) -> None:
    monkeypatch.setenv("SLOW_PROCESSES", "2")
    dataset = datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a")
    worker, judging = family(dataset, 2)
    os.kill(worker.pid if victim == "worker" else worker.ppid(), signal.SIGKILL)
    wait_for(lambda: have_ended([worker, *judging]))
    dataset_after = settled(dataset)
    assert (dataset_after.status, dataset_after.attempt, dataset_after.rows, dataset_after.accepted) == (
        "ready",
        2,
        100,
        100,
    )
    assert not list(home.dataset_folder(dataset.id).glob("*.part"))


@pytest.mark.usefixtures("slow")
def test_a_killed_process_of_an_import_fails_it_in_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOW_PROCESSES", "2")
    dataset = datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a")
    worker, judging = family(dataset, 2)
    judging[0].kill()
    dataset_after = settled(dataset)
    assert (dataset_after.status, dataset_after.error) == ("failed", "A process of the import was killed.")
    assert "memory" in str(dataset_after.hint)
    wait_for(lambda: have_ended([worker, *judging]))
    assert not [path for path in home.dataset_folder(dataset.id).iterdir() if ".part" in path.name]


@pytest.mark.usefixtures("slow")
def test_two_imports_run_at_once_and_the_others_wait_in_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS * 40)
    first, second, third = (datasets.import_file(path, name) for name in ("one", "two", "three"))
    folder = home.dataset_folder(third.id)
    importing.tick()
    assert not process.was_started(folder, 1)
    waiting = datasets.look_up(third.id)
    assert (waiting.status, waiting.progress) == ("importing", None)
    stopped = datasets.cancel_import(first.id)
    assert (stopped.status, stopped.error) == ("failed", "The import was stopped.")
    assert not process.alive(home.dataset_folder(first.id))
    assert {path.name for path in home.dataset_folder(first.id).iterdir()}.isdisjoint({"source", "rows.parquet.part"})
    importing.tick()
    assert process.was_started(folder, 1)
    assert datasets.cancel_import(third.id).status == datasets.cancel_import(second.id).status == "failed"
    assert datasets.cancel_import(first.id).status == "failed"  # once more changes nothing
    with pytest.raises(NotFoundError):
        datasets.cancel_import("missing")


@pytest.mark.usefixtures("slow")
def test_an_import_that_waits_can_be_cancelled_and_never_starts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS * 40)
    first, second, third = (datasets.import_file(path, name) for name in ("one", "two", "three"))
    assert datasets.cancel_import(third.id).status == "failed"
    importing.start()
    for dataset in (first, second):
        datasets.delete_dataset(dataset.id)
    importing.start()
    assert not process.alive(home.dataset_folder(third.id))


def test_a_full_disk_is_said_in_plain_words_and_leaves_nothing(tmp_path: Path, program: Callable[[str], None]) -> None:
    program(SMALL_DISK)
    noise = [{"text": os.urandom(500).hex()} for _ in range(300)]
    dataset = settled(datasets.import_file(write(tmp_path / "a.jsonl", noise), "a"))
    assert (dataset.status, dataset.error) == ("failed", "The disk is full.")
    assert "Free some space" in str(dataset.hint)
    names_left = {path.name for path in home.dataset_folder(dataset.id).iterdir()}
    assert not [name for name in names_left if ".part" in name or name.startswith(("rows", "rejected"))]


def test_several_files_become_one_dataset_and_stay_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    (folder / "inner").mkdir(parents=True)
    write(folder / "b.jsonl", ROWS[:3])
    write(folder / "inner" / "a.jsonl", [{"question": "", "answer": "x"}])
    write(folder / ".hidden.jsonl", ROWS)
    (folder / "notes.pdf").write_bytes(b"%PDF")
    dataset = settled(datasets.import_files(incoming_files.files_in(folder), "many"))
    assert (dataset.name, dataset.source_name, dataset.rows, dataset.rejected) == ("many", "b.jsonl and 1 more", 4, 1)
    files = [{"name": "b.jsonl", "rows": 3}, {"name": "a.jsonl", "rows": 1}]
    assert dataset.origin == {"files": [{**file, "encoding": "utf-8"} for file in files]}
    assert (dataset.confidence, set(dataset.columns), dataset.mapping) == (0.75, {"question", "answer"}, None)
    (refused,) = datasets.rejections(dataset.id)
    assert (refused["row"], refused["file"]) == (4, "a.jsonl")
    sources = datasets.sources(dataset)
    assert [source["name"] for source in sources] == ["b.jsonl", "a.jsonl"]
    assert Path(sources[1]["path"]).read_bytes() == (folder / "inner" / "a.jsonl").read_bytes()


def test_a_folder_with_a_way_out_or_nothing_to_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    with pytest.raises(NotFoundError, match="no file that can be read"):
        incoming_files.files_in(folder)
    write(folder / "a.jsonl", ROWS)
    (folder / "link.jsonl").symlink_to(write(tmp_path / "outside.jsonl", ROWS))
    with pytest.raises(RefusedError, match="out of the folder"):
        incoming_files.files_in(folder)
    with pytest.raises(RefusedError):
        datasets.import_files([], "a")
    assert list((home.home() / "datasets").glob("*")) == []


def test_files_are_read_again_by_another_mapping(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"frage": "x", "antwort": "y", "mehr": "z"}] * 3)
    unknown = settled(datasets.import_file(path, "a"))
    assert (unknown.status, unknown.columns) == ("needs_mapping", ["frage", "antwort", "mehr"])
    mapped = datasets.import_again(unknown.id, MAPPING)
    assert (mapped.id, mapped.status) == (unknown.id, "importing")
    with pytest.raises(ConflictError, match="still being imported"):
        datasets.import_again(unknown.id, MAPPING)
    first = settled(mapped)
    assert (first.status, first.error, first.accepted) == ("ready", None, 3)
    assert first.mapping is not None
    assert first.mapping["parts"] == MAPPING["parts"]
    assert datasets.rows(first.id, limit=1) == [{"prompt": "x", "completion": "y", "extra": {"mehr": "z"}, "row": 1}]
    second = settled(datasets.import_again(first.id, {**MAPPING, "parts": {"prompt": "mehr", "completion": "frage"}}))
    assert (second.version, second.family_id, second.parents) == (2, first.family_id, [first.id])
    assert datasets.rows(second.id, limit=1)[0]["prompt"] == "z"
    assert datasets.rows(first.id, limit=1)[0]["prompt"] == "x"
    deleting.free(datasets.delete_dataset(first.id))
    assert Path(datasets.sources(second)[0]["path"]).exists()
    Path(datasets.sources(second)[0]["path"]).unlink()
    with pytest.raises(ConflictError, match="not kept"):
        datasets.import_again(second.id, MAPPING)


def test_a_dataset_takes_what_was_found_out_about_it_along(tmp_path: Path) -> None:
    dataset = settled(datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a"))
    with db.session() as session:
        session.add(Work(kind="health", subject_id=dataset.id, key="k", spec={}))
    assert work.about(dataset.id)
    deleting.free(datasets.delete_dataset(dataset.id))
    with db.reading() as session:
        assert session.exec(select(Work)).all() == []


def test_a_dataset_whose_parent_is_gone_fails_in_plain_words() -> None:
    dataset = Dataset(project_id="default", name="a", source="shape", operation={"op": "sample"}, parents=["missing"])
    with db.session() as session:
        session.add(dataset)
    importing.start()
    failed = datasets.look_up(dataset.id)
    assert (failed.status, "`missing`" in str(failed.error)) == ("failed", True)
