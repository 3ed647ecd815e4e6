"""Checkpoints: only whole, undamaged ones are resumed from."""

import json
from pathlib import Path

import pytest

from engine.weights import checkpoints


def save(run: Path, step: int, manifest: bool = True) -> Path:
    folder = checkpoints.folder_of(run) / f"checkpoint-{step}"
    (folder / "part").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(bytes(1000))
    (folder / "part" / "optimizer.bin").write_bytes(b"state %d" % step)
    if manifest:
        checkpoints.write_manifest(folder, step)
    return folder


def test_a_manifest_names_every_file_with_size_and_sha256(tmp_path: Path) -> None:
    manifest = json.loads((save(tmp_path, 5) / "manifest.json").read_text())
    assert manifest["step"] == 5
    assert set(manifest["files"]) == {"weights.safetensors", "part/optimizer.bin"}
    assert manifest["files"]["weights.safetensors"]["size"] == 1000
    assert len(manifest["files"]["weights.safetensors"]["sha256"]) == 64


def test_writing_a_manifest_again_does_not_list_the_manifest(tmp_path: Path) -> None:
    folder = save(tmp_path, 5)
    checkpoints.write_manifest(folder, 5)
    assert checkpoints.matches_manifest(folder)
    assert "manifest.json" not in json.loads((folder / "manifest.json").read_text())["files"]


def test_the_newest_good_one_is_found_by_number_not_by_name_or_time(tmp_path: Path) -> None:
    for step in (100, 9, 20):
        save(tmp_path, step)
    (checkpoints.folder_of(tmp_path) / "notes").mkdir()
    (checkpoints.folder_of(tmp_path) / "checkpoint-200").symlink_to(tmp_path)
    newest = checkpoints.newest_good(tmp_path)
    assert newest is not None
    assert newest.name == "checkpoint-100"
    assert [checkpoints.step_of(path) for path in checkpoints.in_order(tmp_path)] == [9, 20, 100]
    assert checkpoints.newest_step(tmp_path) == 100


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert checkpoints.newest_good(tmp_path) is None
    assert checkpoints.newest_step(tmp_path) == -1
    assert checkpoints.newest_good_up_to(tmp_path, 10) is None
    assert checkpoints.step_of(tmp_path / "other") == -1


def truncate(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(bytes(999))


def flip(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(bytes(999) + b"\1")


def lose(folder: Path) -> None:
    (folder / "part" / "optimizer.bin").unlink()


def interrupt(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def tear(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"step": 20, "fil')


def empty(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"step": 20, "files": {}}')


def escape(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"files": {"../../x": {"size": 0, "sha256": ""}}}')


def confuse(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


@pytest.mark.parametrize("damage", [truncate, flip, lose, interrupt, tear, empty, escape, confuse])
def test_a_damaged_checkpoint_is_passed_over_and_put_aside(tmp_path: Path, damage: object) -> None:
    save(tmp_path, 10)
    damaged = save(tmp_path, 20)
    assert callable(damage)
    damage(damaged)
    assert not checkpoints.matches_manifest(damaged)
    newest = checkpoints.newest_good(tmp_path)
    assert newest is not None
    assert newest.name == "checkpoint-10"
    assert checkpoints.newest_good_up_to(tmp_path, 20) == newest
    assert (tmp_path / "quarantine" / "checkpoint-20").is_dir()
    assert [path.name for path in checkpoints.in_order(tmp_path)] == ["checkpoint-10"]


def test_a_second_bad_checkpoint_of_the_same_step_gets_a_name_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        save(tmp_path, 7, manifest=False)
        checkpoints.put_aside_partial(tmp_path)
    assert sorted(path.name for path in (tmp_path / "quarantine").iterdir()) == ["checkpoint-7", "checkpoint-7.1"]


def test_only_what_was_never_finished_is_put_aside_without_reading(tmp_path: Path) -> None:
    save(tmp_path, 10, manifest=False)
    flip(save(tmp_path, 20))
    checkpoints.put_aside_partial(tmp_path)
    newest = checkpoints.newest_whole(tmp_path)
    assert newest is not None
    assert newest.name == "checkpoint-20"
    assert [path.name for path in checkpoints.in_order(tmp_path)] == ["checkpoint-20"]


def test_later_checkpoints_than_the_one_that_is_asked_for_are_left_alone(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save(tmp_path, step)
    flip(checkpoints.folder_of(tmp_path) / "checkpoint-20")
    flip(checkpoints.folder_of(tmp_path) / "checkpoint-30")
    good = checkpoints.newest_good_up_to(tmp_path, 20)
    assert good is not None
    assert good.name == "checkpoint-10"
    assert [path.name for path in checkpoints.in_order(tmp_path)] == ["checkpoint-10", "checkpoint-30"]


def test_a_flipped_bit_shows_only_to_the_full_check(tmp_path: Path) -> None:
    folder = save(tmp_path, 3)
    flip(folder)
    assert checkpoints.is_complete(folder)
    assert not checkpoints.matches_manifest(folder)
