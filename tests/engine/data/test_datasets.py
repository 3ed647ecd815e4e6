"""Importing files: by a worker, into files named by their content; killed, shared, deleted, refused."""

import gzip
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.data import datasets, deleting, importing
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import plan, process
from storage import datasets as stored
from storage import db, home
from storage.statuses import DatasetStatus, RunStatus
from storage.tables import Dataset, Model, Project, Run
from tests.engine.data import slow_imports
from tests.waiting import wait_for

ROWS = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(120)]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settled(dataset: Dataset, seconds: float = 90) -> Dataset:
    """The dataset once its import has ended."""

    def ended() -> Dataset | None:
        importing.tick()
        current = datasets.look_up(dataset.id)
        return current if current.status != DatasetStatus.IMPORTING else None

    ended_dataset = wait_for(ended, seconds, every=0.1)
    assert ended_dataset is not None
    return ended_dataset


def imported(path: Path, name: str = "Questions") -> Dataset:
    return settled(datasets.import_file(path, name))


@pytest.fixture
def slow_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_import.py").write_text(slow_imports.PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(plan.WORKERS, "import_data", "slow_import")


def add_run(dataset: Dataset, status: RunStatus) -> None:
    with db.session() as session:
        session.add(model := Model(source="path", source_id="x", name="m"))
        session.flush()
        run = Run(
            project_id="default", name="my run", model_id=model.id, dataset_id=dataset.id, recipe={}, status=status
        )
        session.add(run)


def test_a_file_becomes_rows_with_every_row_accounted_for(tmp_path: Path) -> None:
    path = write(tmp_path / "qa.jsonl", [*ROWS, {"question": "Why?", "answer": ""}, {"question": 1, "answer": "one"}])
    dataset = imported(path)
    assert (dataset.status, dataset.format, dataset.kind) == ("ready", "prompt_completion", "completion")
    assert (dataset.rows, dataset.accepted, dataset.repaired, dataset.rejected) == (122, 120, 1, 1)
    assert dataset.train_rows == 121
    assert (dataset.source_name, dataset.name, dataset.error, dataset.progress) == ("qa.jsonl", "Questions", None, None)
    assert datasets.rows(dataset.id, 119, 5) == [
        {"prompt": "What is 119?", "completion": "It is 119.", "row": 120},
        {"prompt": "1", "completion": "one", "row": 122},
    ]
    (rejected,) = datasets.rejections(dataset.id)
    assert (rejected["row"], rejected["rule"]) == (121, "empty_answer")
    assert rejected["fix"]
    assert datasets.rejections(dataset.id, offset=1) == []
    summary = datasets.summary(dataset.id)
    assert (summary["repairs"], summary["rules"]) == ({"number_as_text": 1}, {"empty_answer": 1})
    assert "UTF-8" in summary["notes"][0]
    assert datasets.blob(dataset).name == f"{dataset.sha256}.parquet"
    assert dataset.size_bytes == datasets.blob(dataset).stat().st_size
    assert path.exists()
    assert sorted(f.name for f in home.dataset_folder(dataset.id).glob("[rs]o*")) == ["source"]


def test_a_file_outside_the_home_is_copied_and_an_upload_is_moved(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.jsonl", ROWS)
    uploaded = write(home.ensure_folder(home.uploads()) / "theirs.jsonl", ROWS)
    first, second = (
        datasets.import_file(mine, "a"),
        datasets.import_file(uploaded, "", source_name="C:\\x\\their file.jsonl"),
    )
    assert mine.exists()
    assert not uploaded.exists()
    assert (second.name, second.source_name) == ("their file", "their file.jsonl")
    assert settled(first).sha256 == settled(second).sha256


def test_the_same_rows_are_stored_once_and_go_with_their_last_dataset(tmp_path: Path) -> None:
    first = imported(write(tmp_path / "a.jsonl", ROWS))
    (tmp_path / "b.json").write_text(json.dumps(ROWS))
    second = imported(tmp_path / "b.json")
    assert first.sha256 == second.sha256
    assert len(list(home.blobs().iterdir())) == 1
    deleting.free(datasets.delete_dataset(first.id))
    assert len(datasets.rows(second.id, limit=200)) == 120
    deleting.free(datasets.delete_dataset(second.id))
    assert list(home.blobs().glob("*")) == []
    assert not (home.home() / "datasets" / second.id).exists()
    with pytest.raises(NotFoundError):
        datasets.look_up(second.id)
    with pytest.raises(NotFoundError):
        datasets.delete_dataset(second.id)


def test_unknown_columns_ask_for_a_mapping_and_name_themselves(tmp_path: Path) -> None:
    dataset = imported(write(tmp_path / "a.jsonl", [{"frage": "x", "antwort": "y"}]))
    assert dataset.status == DatasetStatus.NEEDS_MAPPING
    assert "`frage`, `antwort`" in str(dataset.error)
    assert dataset.hint
    assert datasets.rows(dataset.id) == []
    with pytest.raises(ConflictError):
        datasets.blob(dataset)
    assert (home.dataset_folder(dataset.id) / "source").exists()


def test_a_file_of_which_no_row_can_be_used_fails_and_still_shows_why(tmp_path: Path) -> None:
    dataset = imported(write(tmp_path / "a.jsonl", [{"prompt": "x", "completion": ""}] * 3))
    assert dataset.status == DatasetStatus.FAILED
    assert "empty answer" in str(dataset.error)
    assert (dataset.rows, dataset.rejected) == (3, 3)
    assert len(datasets.rejections(dataset.id)) == 3


def test_a_dataset_that_a_run_uses_cannot_be_deleted(tmp_path: Path) -> None:
    dataset = imported(write(tmp_path / "a.jsonl", ROWS))
    add_run(dataset, RunStatus.SUCCEEDED)
    with pytest.raises(ConflictError, match="Delete the run"):
        datasets.delete_dataset(dataset.id)
    add_run(dataset, RunStatus.RUNNING)
    with pytest.raises(ConflictError, match="Stop the run"):
        datasets.delete_dataset(dataset.id)
    assert datasets.rows(dataset.id)


@pytest.mark.usefixtures("slow_import")
def test_an_import_that_is_killed_is_started_once_more(tmp_path: Path) -> None:
    dataset = datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a")
    kill_in_the_middle(dataset)
    dataset_after = settled(dataset)
    assert (dataset_after.status, dataset_after.attempt, dataset_after.rows, dataset_after.accepted) == (
        "ready",
        2,
        120,
        120,
    )
    assert not list(home.dataset_folder(dataset.id).glob("*.part"))


@pytest.mark.usefixtures("slow_import")
def test_an_import_that_is_killed_twice_fails_and_leaves_nothing(tmp_path: Path) -> None:
    dataset = datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a")
    kill_in_the_middle(dataset)
    kill_in_the_middle(dataset, attempt=2)
    dataset_after = settled(dataset)
    assert (dataset_after.status, dataset_after.attempt) == ("failed", 2)
    assert "killed" in str(dataset_after.error)
    names_left = {path.name for path in home.dataset_folder(dataset.id).iterdir()}
    assert not {name for name in names_left if name.endswith((".part", ".parquet")) or name == "source"}
    assert list(home.blobs().glob("*")) == []


def kill_in_the_middle(dataset: Dataset, attempt: int = 1) -> None:
    """kill -9 of the worker after it has reported progress in this attempt."""
    folder = home.dataset_folder(dataset.id)

    def worker() -> int | None:
        importing.tick()
        if not process.was_started(folder, attempt) or not (folder / "rows.parquet.part").exists():
            return None
        record = json.loads((folder / "shim.json").read_text())
        return int(record["worker"]) if record["attempt"] == attempt and "worker" in record else None

    pid = wait_for(worker)
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not process.alive(folder))


@pytest.mark.usefixtures("slow_import")
def test_a_dataset_can_be_deleted_while_it_is_imported(tmp_path: Path) -> None:
    dataset = datasets.import_file(write(tmp_path / "a.jsonl", ROWS), "a")
    deletion_id = datasets.delete_dataset(dataset.id)
    folder = home.home() / "datasets" / dataset.id
    assert not process.alive(folder)
    importing.tick()
    assert not process.alive(folder)
    deleting.free(deletion_id)
    assert not folder.exists()
    importing.tick()
    assert not folder.exists()


@pytest.mark.usefixtures("slow_import")
def test_progress_is_shown_and_a_stop_request_ends_the_import(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(write(tmp_path / "a.jsonl", ROWS * 20).read_bytes()))
    dataset = datasets.import_file(path, "a")

    def moved() -> bool:
        importing.tick()
        return (datasets.look_up(dataset.id).progress or 0) > 0

    wait_for(moved, 30)
    process.request_stop(home.dataset_folder(dataset.id))
    stopped = settled(dataset)
    assert (stopped.status, stopped.error) == ("failed", "The import was stopped.")


def test_a_move_that_was_cut_off_before_it_was_noted_is_found_again(tmp_path: Path) -> None:
    dataset = imported(write(tmp_path / "a.jsonl", ROWS))
    with db.session() as session:
        row = session.get(Dataset, dataset.id)
        assert row is not None
        row.status, row.sha256, row.events_offset, row.rows = DatasetStatus.IMPORTING, None, 0, 0
    again = settled(dataset)
    assert (again.status, again.sha256, again.rows) == ("ready", dataset.sha256, 120)


def test_an_import_whose_start_was_lost_is_started_by_the_next_tick(tmp_path: Path) -> None:
    dataset = Dataset(project_id="default", name="a", source_name="a.jsonl")
    write(home.ensure_folder(home.dataset_folder(dataset.id)) / "source", ROWS)
    with db.session() as session:
        session.add(dataset)
    assert settled(dataset).status == DatasetStatus.READY


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = write(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "link.jsonl").symlink_to(real)
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    own_file = write(home.home() / "mine.jsonl", ROWS)
    odd = [tmp_path / "link.jsonl", tmp_path / "folder.jsonl", tmp_path / "pipe.jsonl", own_file, home.database_file()]
    odd += [Path("/dev/zero"), Path("/proc/self/environ"), Path("a\0b")]
    for path in odd:
        with pytest.raises(RefusedError):
            datasets.import_file(path, "a")
    with pytest.raises(NotFoundError):
        datasets.import_file(tmp_path / "missing.jsonl", "a")
    monkeypatch.setenv("TUNESMITH_MAX_UPLOAD_GB", "0.000001")
    with pytest.raises(RefusedError, match="at most"):
        datasets.import_file(real, "a")
    with db.reading() as session:
        assert not stored.recent(session)
    assert list((home.home() / "datasets").glob("*")) == []


@pytest.mark.parametrize("name", [" \t", "a\x00", "x" * 121, "\u202egnp", "\ud800"])
def test_names_that_cannot_be_shown_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError):
        datasets.import_file(write(tmp_path / "a.jsonl", ROWS), name)


def test_a_project_must_exist(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(NotFoundError, match="no project"):
        datasets.import_file(path, "a", project_id="missing")
    with db.session() as session:
        session.add(project := Project(name="p"))
    assert datasets.import_file(path, "a", project_id=project.id).project_id == project.id


REAL = [
    ("alpaca_en_demo.json", "alpaca", "chat", (999, 999, 0, 0)),
    ("c4_demo.jsonl", "text", "text", (300, 300, 0, 0)),
    ("gsm8k_train.jsonl", "prompt_completion", "completion", (7473, 7473, 0, 0)),
    ("v1_sft_demo.jsonl", "messages", "chat", (500, 500, 0, 0)),
    ("glaive_toolcall_en_demo.json", "sharegpt", "chat", (300, 300, 0, 0)),
    ("dpo_en_demo.json", "preference_chat", "preference", (300, 300, 0, 0)),
    ("kto_en_demo.json", "unpaired", "unpaired", (300, 300, 0, 0)),
    ("HumanEval.jsonl.gz", "prompt_completion", "completion", (164, 164, 0, 0)),
]


@pytest.mark.parametrize(("name", "format", "kind", "counts"), REAL)
def test_real_files(test_data: Path | None, name: str, format: str, kind: str, counts: tuple[int, ...]) -> None:
    if test_data is None:
        pytest.skip("no real data on this machine")
    dataset = imported(test_data / name)
    assert (dataset.status, dataset.format, dataset.kind, dataset.confidence) == ("ready", format, kind, 1.0)
    assert (dataset.rows, dataset.accepted, dataset.repaired, dataset.rejected) == counts
