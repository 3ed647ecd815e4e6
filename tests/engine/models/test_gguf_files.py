"""GGUF files as models: named, uploaded, refused before there is a row, and turned back by a worker."""

from pathlib import Path

import pytest

from engine.errors import NotFoundError, RefusedError
from engine.models import deleting, gguf_files, models
from engine.process import plan
from storage import db, home
from storage import models as stored_models
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.engine.models.test_models import settled
from tests.engine.weights import gguf_headers


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.engine.models.fake_fetch")


def rows() -> int:
    with db.reading() as session:
        return stored_models.count(session)


def test_a_file_is_turned_back_once_whether_it_is_called_a_path_or_gguf(tmp_path: Path) -> None:
    file = gguf_headers.whole(tmp_path / "My model.Q4_K_M.gguf")
    link = tmp_path / "link.gguf"
    link.symlink_to(file)
    model = models.add_model("path", f" {file} ")
    assert (model.source, model.source_id, model.name) == ("gguf", str(file), "My model.Q4_K_M")
    assert models.add_model("gguf", str(link)).id == model.id
    assert settled(model).status == ModelStatus.READY
    assert file.exists()  # it stays the owner's


def test_a_folder_that_is_called_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "odd.gguf").mkdir()
    with pytest.raises(RefusedError, match="contains no model"):
        models.add_model("path", str(tmp_path / "odd.gguf"))


def test_what_cannot_become_a_model_is_refused_before_there_is_a_row(tmp_path: Path) -> None:
    gguf_headers.whole(tmp_path / "mamba.gguf", "mamba")
    (tmp_path / "text.gguf").write_text("hello")
    gguf_headers.whole(home.home() / "own.gguf")
    refusals = {
        "model.gguf": "not an absolute path",
        str(tmp_path / "none.gguf"): "There is no file",
        str(tmp_path / "mamba.gguf"): "architecture 'mamba'",
        str(tmp_path / "text.gguf"): "does not begin with GGUF",
        str(home.home() / "own.gguf"): "belongs to the studio itself",
        "/x/\0.gguf": "not an absolute path",
    }
    for named, words in refusals.items():
        with pytest.raises((RefusedError, NotFoundError), match=words):
            models.add_model("gguf", named)
    with pytest.raises((RefusedError, NotFoundError)):
        models.add_model("path", "/sys/kernel/none.gguf")
    assert rows() == 0


def test_an_upload_moves_to_its_model_and_two_of_one_name_are_two() -> None:
    names = ["../../evil name.gguf", "evil name.gguf"]
    added = [models.add_upload(gguf_headers.whole(home.uploads() / f"u{at}"), name) for at, name in enumerate(names)]
    assert [model.name for model in added] == ["evil name", "evil name"]
    assert added[0].source_id == str(home.model_folder(added[0].id) / gguf_files.UPLOAD)
    assert not list(home.uploads().iterdir())
    assert all(gguf_files.is_upload(model) for model in added)
    deletion = deleting.delete_model(added[0].id)
    deleting.undo(deletion)
    assert rows() == 2


def test_an_upload_that_is_refused_stays_where_it_is_and_leaves_no_model(tmp_path: Path) -> None:
    home.ensure_folder(home.uploads())
    upload = home.uploads() / "abc"
    upload.write_bytes(b"GGUF")
    with pytest.raises(RefusedError, match=r"`mine.gguf` is not a complete GGUF file"):
        models.add_upload(upload, "mine.gguf")
    assert upload.exists()
    with pytest.raises(RefusedError, match="was not uploaded"):
        models.add_upload(gguf_headers.whole(tmp_path / "m.gguf"), "m.gguf")
    assert (rows(), list(home.folder("models").glob("*"))) == (0, [])


def test_what_was_lost_is_said_of_quantised_files_alone() -> None:
    kinds = {"Q4_K sha256:abc": True, "BF16 sha256:abc": False, "F32 sha256:abc": False, None: False}
    for revision, is_lost in kinds.items():
        model = Model(source="gguf", source_id="/m.gguf", name="m", revision=revision)
        assert bool(gguf_files.loss(model)) == is_lost
    assert gguf_files.loss(Model(source="hub", source_id="a/b", name="b", revision="Q4_K")) == ""
