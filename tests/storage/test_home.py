"""The studio's folder: naming a path makes nothing, and what is made is for its owner alone."""

import shutil
import stat
from pathlib import Path

import pytest

from engine.data import datasets
from engine.errors import NotFoundError
from engine.models import models
from engine.process import work
from engine.runs import output, runs, tracking
from storage import db, home
from storage import models as stored_models
from storage.tables import Model, Work

FOLDERS = (home.uploads, home.blobs, home.downloads, home.logs, home.gradio_cache, home.recipes)
FILES = (home.database_file, home.queue_file, home.queue_secret, home.engine_lock, home.session_secret)
OF_IDS = (home.run_folder, home.model_folder, home.dataset_folder, home.work_folder, home.backend_folder)


def files_below(folder: Path) -> set[Path]:
    """What is there, but for the files that SQLite opens beside the database."""
    return {path for path in folder.rglob("*") if path.suffix not in (".db-wal", ".db-shm")}


def test_naming_a_path_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "nowhere" / "yet"))
    for name in FOLDERS + FILES:
        assert name().is_relative_to(tmp_path)
    for folder_of in OF_IDS:
        assert folder_of("a1").name == "a1"
    assert home.free_bytes() > 0
    assert files_below(tmp_path) == {tmp_path / "home", *files_below(tmp_path / "home")}


def test_a_folder_that_is_made_is_for_its_owner_alone_and_so_is_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "new"))
    folder = home.ensure_folder(home.run_folder("r1"))
    assert home.ensure_folder(folder) == folder
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, home.home())] == [0o700, 0o700]


def test_a_look_at_what_was_deleted_leaves_nothing_behind(home: Path) -> None:
    before = files_below(home)
    for look in (output.text, runs.events_after, runs.checkpoints, datasets.rows, datasets.summary, models.look_up):
        with pytest.raises(NotFoundError):
            look("gone")
    assert tracking.folder("gone", "trackio").name == "trackio"
    assert not work.folder(Work(id="gone", kind="k", subject_id="s", key="k", spec={})).exists()
    assert files_below(home) == before


def test_a_home_that_was_copied_reads_its_own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = str(tmp_path / "own folder")
    with db.session() as session:
        session.add(Model(id="m1", source="starter", source_id="starter", name="fetched", path=_files("m1")))
        session.add(Model(id="m2", source="path", source_id=elsewhere, name="own", path=elsewhere))
        session.add(Model(id="m3", source="hub", source_id="o/n", name="lost", path=str(home.home() / "gone")))
    db.flush_wal()
    shutil.copytree(home.home(), tmp_path / "copy")
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "copy"))
    db.prepare()
    with db.reading() as session:
        paths = {model.id: model.path for model in stored_models.recent(session)}
    assert paths["m1"] == str(tmp_path / "copy" / "models" / "m1" / "files")
    assert paths["m2"] == elsewhere
    assert paths["m3"] is not None
    assert Path(paths["m3"]).name == "gone"  # what is not there is not made up


def _files(model_id: str) -> str:
    return str(home.ensure_folder(home.model_folder(model_id) / "files"))
