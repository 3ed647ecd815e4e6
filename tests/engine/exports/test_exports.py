"""Exports: made once, refused with the way that works, cancelled and deleted without a trace."""

import shutil
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import ConflictError, DiskFullError, NotFoundError, RefusedError
from engine.exports import exports, merging
from engine.process import plan, work
from engine.runs import deleting, runs
from storage import db, home
from storage import exports as stored
from storage.statuses import WorkStatus
from storage.tables import Export, Model, Run, Work
from tests.engine.exports.trained_runs import add_checkpoint, add_run
from tests.engine.weights import model_folders
from tests.waiting import wait_for


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "private" / "base")


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges begin and go on for ever."""
    monkeypatch.setitem(plan.WORKERS, merging.KIND, "tests.load.resting")


def unpacked(export_id: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(b"".join(exports.download(export_id).chunks()))) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name.partition("/")[2]: file.read() for name, file in files.items() if file}


def test_an_adapter_is_ready_at_once_with_a_card_and_no_path_of_this_machine(base: Path, home: Path) -> None:
    run = add_run(base, lora_r=12, max_steps=8)
    export, made_by = exports.create(f"run:{run.id}", "adapter")
    assert made_by is None
    described = exports.describe(export, None)
    files = unpacked(export.id)
    assert (described["status"], described["size_bytes"]) == ("succeeded", sum(map(len, files.values())))
    assert set(files) == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    assert not [name for name, content in files.items() if str(home).encode() in content or b"private" in content]
    assert b'"base_model_name_or_path": "tiny"' in files["adapter_config.json"]
    card = files["README.md"].decode()
    for words in ("license: apache-2.0", "support chats (version 1), 8 steps", "lora_r: 12", "| eval_loss | 0.125 |",
                  "With trl 1.16.0", "--max-lora-rank 16", "PeftModel", 'num_train_epochs'):  # fmt: skip
        assert (words in card) == (words != "num_train_epochs"), words
    assert run.model_id not in card


def test_a_checkpoint_goes_out_without_what_only_resuming_needs(base: Path) -> None:
    run = add_run(base)
    add_checkpoint(run, 4)
    export, _ = exports.create(f"run:{run.id}@4", "adapter")
    files = unpacked(export.id)
    assert not {"optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json", "manifest.json"} & set(files)
    assert "| loss | 0.25 |" in files["README.md"].decode()
    assert exports.download(export.id).file_name == "Jokes-v2-step-4-adapter.tar"


def test_a_whole_model_is_merged_already(base: Path) -> None:
    run = add_run(base, tuning="full")
    with pytest.raises(RefusedError, match=r"has no adapter.*Take it as `merged`"):
        exports.create(f"run:{run.id}", "adapter")
    export, made_by = exports.create(f"run:{run.id}", "merged")
    assert made_by is None
    assert '"_name_or_path": "tiny"' in unpacked(export.id)["config.json"].decode()
    assert exports.describe(export, made_by)["folder"] == str(home.run_folder(run.id) / "model")


def test_the_same_export_is_made_once(base: Path, resting: None) -> None:
    run = add_run(base)
    first = exports.create(f"run:{run.id}", "adapter")[0]
    assert exports.create(f"run:{run.id}", "adapter")[0].id == first.id
    merged = exports.create(f"run:{run.id}", "merged")[0]
    assert exports.create(f"run:{run.id}", "merged", {"dtype": "base"})[0].id == merged.id
    other = exports.create(f"run:{run.id}", "merged", {"dtype": "bfloat16"})[0]
    assert other.id != merged.id
    assert [row[0].id for row in exports.of_run(run.id)] == [other.id, merged.id, first.id]
    work.forget_subject(run.id)


@pytest.mark.parametrize(
    ("recipe", "kind", "options", "words"),
    [
        ({}, "onnx", {}, "no export of the kind `onnx`. Choose one of: adapter, merged, gguf"),
        ({}, "adapter", {"dtype": "float32"}, "dtype"),
        ({}, "merged", {"dtype": "int3"}, "dtype"),
        ({"tuning": "prompt"}, "merged", {}, "take its adapter"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    recipe: dict[str, Any], kind: str, options: dict[str, Any], words: str, base: Path
) -> None:
    run = add_run(base, **recipe)
    with pytest.raises(RefusedError, match=words):
        exports.create(f"run:{run.id}", kind, options)
    assert exports.of_run(run.id) == []


def test_a_checkpoint_that_counts_from_a_start_in_the_weights_is_refused(base: Path) -> None:
    run = add_run(base, init_lora_weights="pissa")
    add_checkpoint(run, 4)
    exports.create(f"run:{run.id}", "adapter")
    with pytest.raises(RefusedError, match=r"count from its start \(pissa\).*take its result"):
        exports.create(f"run:{run.id}@4", "adapter")


def test_a_merge_needs_room_and_its_base(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = add_run(base)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1_000_000}))
        with pytest.raises(DiskFullError, match=r"needs 1\.1 GB of disk, 1 MB are free"):
            exports.create(f"run:{run.id}", "merged")
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 0}))
        with pytest.raises(ConflictError, match=r"needs 1\.1 GB of memory, 0 B are free"):
            exports.create(f"run:{run.id}", "merged")
    base.rename(base.with_name("moved"))
    with pytest.raises(RefusedError, match="base model tiny are not there"):
        exports.create(f"run:{run.id}", "merged")
    assert exports.of_run(run.id) == []
    assert not list(home.folder("work").glob("*"))


def test_a_merge_under_way_can_be_cancelled_and_leaves_nothing(base: Path, resting: None) -> None:
    run = add_run(base)
    export, making = exports.create(f"run:{run.id}", "merged")
    assert making is not None
    folder = work.folder(making)
    with pytest.raises(ConflictError, match="The export is running"):
        exports.download(export.id)
    with pytest.raises(ConflictError, match="being merged"):
        runs.delete_run(run.id)
    exports.delete(export.id)
    assert not folder.exists()
    with pytest.raises(NotFoundError):
        exports.look_up(export.id)
    with pytest.raises(NotFoundError):
        work.look_up(making.id)
    assert home.run_folder(run.id).is_dir()


def test_deleting_one_of_two_that_are_made_together_leaves_the_other(base: Path, resting: None) -> None:
    run = add_run(base)
    export, making = exports.create(f"run:{run.id}", "merged")
    assert making is not None
    twin = Export(run_id=run.id, subject=export.subject, kind="merged", options={}, work_id=making.id)
    with db.session() as session:
        session.add(twin)
    exports.delete(twin.id)
    assert work.look_up(making.id).status == WorkStatus.RUNNING
    exports.delete(export.id)


def test_a_run_takes_its_exports_along(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = add_run(base)
    exports.create(f"run:{run.id}", "adapter")
    making = finished_merge(run)
    export, _ = exports.create(f"run:{run.id}", "merged")
    folder = work.folder(making)
    assert exports.download(export.id).file_name == "Jokes-v2-model.tar"
    runs.delete_run(run.id)
    with db.reading() as session:
        assert stored.recent(session) == []
    assert folder.exists()
    monkeypatch.setattr(deleting, "UNDO_SECONDS", -10)  # the time to undo is over
    deleting.remove_due()
    wait_for(lambda: not folder.exists())


def finished_merge(run: Run) -> Work:
    """A merge as its worker leaves it."""
    making = Work(kind=merging.KIND, subject_id=run.id, key="k", spec={}, status=WorkStatus.SUCCEEDED)
    making.result = {"folder": "model", "size_bytes": 7, "parity": 0.001, "notes": ["Told."]}
    (work.folder(making) / "model").mkdir(parents=True)
    row = Export(run_id=run.id, subject=f"run:{run.id}", kind="merged", options={"dtype": "base"})
    row.work_id = making.id
    with db.session() as session:
        session.add(making)
        session.add(row)
    return making


def test_the_base_of_the_hub_is_named_as_the_hub_names_it(base: Path) -> None:
    run = add_run(base, tuning="qlora")
    with db.session() as session:
        model = session.get(Model, run.model_id)
        assert model is not None
        model.source, model.source_id, model.licence = "hub", "owner/base", None
    export, _ = exports.create(f"run:{run.id}", "adapter")
    files = unpacked(export.id)
    card = files["README.md"].decode()
    assert "base_model: owner/base" in card
    assert 'from_pretrained("owner/base")' in card
    assert "licence of owner/base is not known" in card
    assert b'"base_model_name_or_path": "owner/base"' in files["adapter_config.json"]
