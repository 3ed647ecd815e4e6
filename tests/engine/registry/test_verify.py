"""Everything is hashed again, and what has changed is named; and the disk: what takes it, what may go."""

import hashlib
import json
from pathlib import Path

import pytest

from engine.errors import NotFoundError
from engine.process import trash
from engine.registry import disk, verify, versions
from storage import db, home
from storage.statuses import WorkStatus
from storage.tables import Dataset, Export, Run, Work
from tests.engine.registry.kept_things import merged_export
from tests.serving import finished_checkpoint


def problems() -> dict[str, list[str]]:
    return {checked.name: checked.problems for checked in verify.everything()}


def with_rows(run: Run, content: bytes = b"rows") -> Path:
    """Gives the run's dataset a file that is what its name says."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = home.ensure_folder(home.blobs()) / f"{sha256}.parquet"
    path.write_bytes(content)
    with db.session() as session:
        session.get_one(Dataset, run.dataset_id).sha256 = sha256
    return path


def test_nothing_has_changed_until_something_does_and_then_it_is_named(runs: tuple[Run, Run]) -> None:
    rows = with_rows(runs[0])
    with_rows(runs[1])
    versions.add("jokes", run_id=runs[0].id)
    saved = finished_checkpoint(runs[0], 3)
    names = ["version 1 of `jokes`", "dataset `rows`, version 1", "checkpoint 3 of the run `first`"]
    assert problems() == {name: [] for name in names}
    weights = home.run_folder(runs[0].id) / "adapter" / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    rows.write_bytes(b"other")
    (saved / "adapter_config.json").write_text("{}")
    assert problems() == {
        names[0]: ["adapter_model.safetensors holds other bytes than before."],
        names[1]: ["Its rows are not those that were imported."],
        names[2]: ["Its files are not what was saved."],
    }
    assert versions.look_up("jokes", 1).changed == ["adapter_model.safetensors holds other bytes than before."]
    weights.unlink()
    rows.unlink()
    found = problems()
    assert found[names[1]] == ["Its rows cannot be read: No such file or directory."]
    assert "holds no weights" in found[names[0]][0]


def test_the_list_says_what_takes_the_disk_what_uses_it_and_what_may_go(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    finished_checkpoint(runs[0], 3)
    failed = merged_export(runs[1])
    with db.session() as session:
        session.get_one(Work, failed.work_id).status = WorkStatus.FAILED
    looked = disk.look()
    (run,) = [thing for thing in looked.things if thing.id == runs[0].id]
    assert run.used_by == ["version 1 of `jokes`"]
    assert run.size_bytes == disk.folder_bytes(home.run_folder(runs[0].id))
    assert {item.id for item in looked.removable} == {f"checkpoints:{runs[0].id}", f"export:{failed.id}"}
    with pytest.raises(NotFoundError, match="is not on the clean-up list"):
        disk.remove([f"checkpoints:{runs[0].id}", "run:../../etc"])
    assert (home.run_folder(runs[0].id) / "checkpoints").is_dir()
    assert disk.remove([item.id for item in looked.removable]) == sum(item.size_bytes for item in looked.removable)
    assert not (home.run_folder(runs[0].id) / "checkpoints").exists()
    assert (home.run_folder(runs[0].id) / "adapter").is_dir()
    assert disk.look().removable == []
    trash.empty()


def test_a_checkpoint_that_was_exported_as_it_lies_is_not_on_the_list(runs: tuple[Run, Run]) -> None:
    finished_checkpoint(runs[0], 3)
    with db.session() as session:
        session.add(Export(run_id=runs[0].id, subject=f"run:{runs[0].id}@3", kind="adapter", options={}))
    assert disk.look().removable == []


def test_a_look_is_kept_for_a_while_and_is_plain_data(runs: tuple[Run, Run]) -> None:
    disk.forget()
    first = disk.latest()
    assert first is not None
    assert disk.latest() is first
    assert json.loads(json.dumps(first.to_json()))["things"]
