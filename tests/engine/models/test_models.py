"""Base models: from being added to ready or failed, whatever happens to the fetch on its way."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.models import deleting, models
from engine.process import plan, process
from engine.weights.starter import STARTER_NAME
from storage import db, home
from storage import models as stored_models
from storage.statuses import EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Model, Run
from tests.engine.weights import model_folders
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.engine.models.fake_fetch")


def ticked(model: Model) -> Model:
    models.tick()
    return models.look_up(model.id)


def settled(model: Model) -> Model:
    """The model once it is no longer being fetched."""
    wait_for(lambda: ticked(model).status != ModelStatus.QUEUED, seconds=30)
    return models.look_up(model.id)


def at_work(model: Model) -> Model:
    """The model once its fetch has reported progress."""
    wait_for(lambda: ticked(model).progress, seconds=30)
    return models.look_up(model.id)


def folder(model: Model) -> Path:
    return home.model_folder(model.id)


def test_a_model_of_the_hub_is_fetched_looked_at_and_ready() -> None:
    model = models.add_model("hub", "owner/good")
    assert (model.status, model.name, model.attempt) == (ModelStatus.QUEUED, "owner/good", 1)
    ready = settled(model)
    assert (ready.status, ready.error, ready.progress, ready.stage) == (ModelStatus.READY, None, 1.0, "")
    assert ready.path == str(folder(model) / "files")
    assert (ready.parameters, ready.context_length) == (model_folders.PARAMETERS, 128)
    assert (ready.licence, ready.architecture, ready.revision) == ("mit", "LlamaForCausalLM", "abc123")
    assert ready.has_chat_template is True
    assert (ready.trainable, ready.untrainable_reason) == (True, None)
    assert not (folder(model) / "part").exists()


def test_the_spec_says_what_to_fetch_and_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    model = settled(models.add_model("starter"))
    spec = json.loads((folder(model) / "spec.json").read_text())
    assert spec == {
        "source": "starter",
        "source_id": STARTER_NAME,
        "downloads": str(home.downloads()),
        "automatic": False,
    }
    written = [path.read_text() for path in folder(model).glob("*.json*")]
    assert not any("hf_very_secret" in text for text in written)


def test_the_same_source_again_is_the_same_model() -> None:
    first = models.add_model("starter")
    assert models.add_model("starter").id == first.id
    assert models.add_model("starter", "whatever").id == first.id
    assert models.add_model("hub", "owner/slow").id != first.id


def test_a_failed_fetch_says_why_and_adding_it_again_retries() -> None:
    failed = settled(models.add_model("hub", "owner/refused"))
    assert (failed.status, failed.error) == (ModelStatus.FAILED, "The hub cannot be reached.")
    assert (failed.hint, failed.progress, failed.path) == ("Check the connection.", None, None)
    again = models.add_model("hub", "owner/refused")
    assert (again.id, again.status, again.attempt, again.error) == (failed.id, ModelStatus.QUEUED, 2, None)
    assert settled(again).status == ModelStatus.FAILED


def test_what_worked_only_the_second_time_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.no_such_worker")
    failed = settled(models.add_model("hub", "owner/good"))
    assert failed.status == ModelStatus.FAILED
    assert "No module named" in (failed.hint or "")
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.engine.models.fake_fetch")
    assert settled(models.retry_model(failed.id)).status == ModelStatus.READY


def test_progress_and_stage_are_shown_while_it_downloads() -> None:
    model = at_work(models.add_model("hub", "owner/slow"))
    assert (model.progress, model.stage) == (0.25, "downloading 160 MB")
    deleting.delete_model(model.id)


def test_a_stopped_download_ends_its_process_and_goes_on_when_it_is_retried() -> None:
    model = at_work(models.add_model("hub", "owner/slow"))
    stopped = models.cancel_model(model.id)
    assert not process.alive(folder(model))
    assert (stopped.status, stopped.error, stopped.progress) == (ModelStatus.FAILED, models.STOPPED, None)
    assert "Retry" in (stopped.hint or "")
    models.tick()
    assert models.look_up(model.id).error == models.STOPPED
    with pytest.raises(ConflictError, match="not being fetched"):
        models.cancel_model(model.id)
    assert at_work(models.retry_model(model.id)).attempt == 2
    deleting.delete_model(model.id)


def test_a_download_stopped_before_it_began_never_begins() -> None:
    model = models.add_model("hub", "owner/slow")
    models.cancel_model(model.id)
    models._start(model, automatic=False)  # a message of the queue that came late
    assert not process.alive(folder(model))
    assert models.look_up(model.id).status == ModelStatus.FAILED


def test_a_killed_fetch_is_tried_once_more_by_itself() -> None:
    model = settled(models.add_model("hub", "owner/dies-once"))
    assert (model.status, model.attempt) == (ModelStatus.READY, 2)


def test_a_fetch_that_dies_twice_has_failed_with_its_last_words_and_nothing_half_written_is_ready() -> None:
    model = settled(models.add_model("hub", "owner/dies"))
    assert (model.status, model.attempt, model.path) == (ModelStatus.FAILED, 2, None)
    assert "exit code -9" in (model.error or "")
    assert "last words" in (model.hint or "")
    assert (folder(model) / "part").exists()
    assert not (folder(model) / "files").exists()


def test_a_killed_shim_is_found_and_the_fetch_tried_again() -> None:
    model = at_work(models.add_model("hub", "owner/slow"))
    os.kill(json.loads((folder(model) / "shim.json").read_text())["shim"], signal.SIGKILL)
    wait_for(lambda: ticked(model).attempt == 2)
    wait_for(lambda: process.alive(folder(model)))
    process.kill(folder(model))
    failed = settled(model)
    assert failed.status == ModelStatus.FAILED
    assert "exit code unknown" in (failed.error or "")


def test_a_worker_that_left_nothing_has_not_succeeded() -> None:
    model = settled(models.add_model("hub", "owner/empty"))
    assert (model.status, model.path) == (ModelStatus.FAILED, None)
    assert "left no model" in (model.error or "")


def test_what_an_earlier_attempt_reports_late_changes_nothing() -> None:
    model = models.add_model("hub", "owner/slow")
    with db.session() as session:
        session.exec(update(Model).where(col(Model.id) == model.id).values(attempt=7))
    assert not models._change(model, status=ModelStatus.READY)
    assert models.look_up(model.id).status == ModelStatus.QUEUED


def test_only_a_failed_model_can_be_retried(tmp_path: Path) -> None:
    model = models.add_model("path", str(model_folders.make(tmp_path / "m")))
    with pytest.raises(ConflictError, match="not failed"):
        models.retry_model(model.id)
    with pytest.raises(NotFoundError):
        models.retry_model("nothing")


def test_a_local_folder_is_ready_at_once_and_used_where_it_is(tiny_model: Path) -> None:
    model = models.add_model("path", str(tiny_model))
    assert (model.status, model.path, model.trainable) == (ModelStatus.READY, str(tiny_model.resolve()), True)
    assert (model.name, model.context_length) == (tiny_model.name, 512)
    assert models.add_model("path", f"{tiny_model}/").id == model.id


def test_a_local_folder_that_cannot_be_trained_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    model = models.add_model("path", str(tmp_path))
    assert (model.status, model.trainable) == (ModelStatus.READY, False)
    assert "GGUF" in (model.untrainable_reason or "")


def test_a_local_folder_that_has_changed_is_looked_at_again(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF")
    before = models.add_model("path", str(folder))
    (folder / "model.gguf").unlink()
    model_folders.make(folder)
    again = models.add_model("path", str(folder))
    assert (before.trainable, again.id, again.trainable) == (False, before.id, True)
    assert models.look_up(again.id).untrainable_reason is None


def test_a_model_too_big_for_this_machine_says_so_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("400000000\n")
    monkeypatch.setattr("engine.process.meter.container.LIMIT", limit)
    model = models.add_model("path", str(model_folders.make(tmp_path / "m")))
    assert model.trainable is False
    assert "about 600 MB of memory, and 360 MB can be used" in (model.untrainable_reason or "")


def bad_folders(tmp_path: Path) -> list[tuple[str, str]]:
    (tmp_path / "file.bin").touch()
    (tmp_path / "file.gguf").touch()
    (tmp_path / "empty").mkdir()
    return [
        ("relative/folder", "not an absolute path"),
        ("", "not an absolute path"),
        ("/nul\0byte", "not an absolute path"),
        (str(tmp_path / "nothing"), "does not exist"),
        (str(tmp_path / "file.bin"), "is a file"),
        (str(tmp_path / "file.gguf"), "is not a GGUF file"),
        (str(tmp_path / "empty"), "contains no model"),
    ]


def test_a_path_that_is_no_model_folder_is_refused_in_words(tmp_path: Path) -> None:
    for path, words in bad_folders(tmp_path):
        with pytest.raises(RefusedError, match=words):
            models.add_model("path", path)
    with db.reading() as session:
        assert stored_models.recent(session) == []


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who runs CI, may read everything
    with pytest.raises(RefusedError, match="cannot be read"):
        models.add_model("path", str(tmp_path))


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "../etc", "owner/..", "a b/c", "owner/na--me", "owner/x.git", "ö/ä", "-a/b"]
)
def test_a_hub_id_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="not the name of a model on the hub"):
        models.add_model("hub", name)


@pytest.mark.parametrize("text", ["owner/name", " owner/name ", "https://huggingface.co/owner/name/", "hf.co/owner"])
def test_a_hub_id_may_be_pasted_as_an_address(text: str) -> None:
    if text == "hf.co/owner":  # without a scheme it is owner "hf.co"
        assert models.add_model("hub", text).source_id == text
    else:
        assert models.add_model("hub", text).source_id == "owner/name"


def test_an_unknown_source_is_refused() -> None:
    source: Any = "torrent"
    with pytest.raises(RefusedError, match="not a source"):
        models.add_model(source, "x")


def test_deleting_ends_the_fetch_and_leaves_no_file() -> None:
    model = at_work(models.add_model("hub", "owner/slow"))
    path = folder(model)
    deletion_id = deleting.delete_model(model.id)
    assert not process.alive(path)
    deleting.free(deletion_id)
    assert not path.exists()
    with pytest.raises(NotFoundError, match="no model"):
        models.look_up(model.id)
    models.tick()


def test_deleting_leaves_a_local_folder_alone(tmp_path: Path) -> None:
    kept = model_folders.make(tmp_path / "mine")
    model = models.add_model("path", str(kept))
    deleting.free(deleting.delete_model(model.id))
    assert sorted(path.name for path in kept.iterdir())[0] == "README.md"


def run_on(model: Model, status: RunStatus) -> None:
    with db.session() as session:
        dataset = Dataset(project_id="default", name="d")
        session.add(dataset)
        session.flush()
        fields: dict[str, Any] = {"project_id": "default", "name": "my run", "recipe": {}, "status": status}
        session.add(Run(model_id=model.id, dataset_id=dataset.id, **fields))


@pytest.mark.parametrize(
    ("status", "words"), [(RunStatus.RUNNING, r"being trained \(my run\)"), (RunStatus.SUCCEEDED, "1 runs were")]
)
def test_a_model_with_runs_is_not_deleted(tmp_path: Path, status: RunStatus, words: str) -> None:
    model = models.add_model("path", str(model_folders.make(tmp_path / "m")))
    run_on(model, status)
    with pytest.raises(ConflictError, match=words):
        deleting.delete_model(model.id)


def serve(model: Model, status: EndpointStatus) -> str:
    with db.session() as session:
        endpoint = Endpoint(project_id="default", name="e")
        session.add(endpoint)
        session.flush()
        backend = Backend(endpoint_id=endpoint.id, kind="transformers", model_id=model.id, status=status)
        session.add(backend)
    return backend.id


def test_a_served_model_is_not_deleted_and_one_no_longer_served_is(tmp_path: Path) -> None:
    model = models.add_model("path", str(model_folders.make(tmp_path / "m")))
    backend = serve(model, EndpointStatus.READY)
    with pytest.raises(ConflictError, match="being served"):
        deleting.delete_model(model.id)
    with db.session() as session:
        session.exec(update(Backend).values(status=EndpointStatus.STOPPED))
    deleting.free(deleting.delete_model(model.id))
    with db.reading() as session:
        left = session.get(Backend, backend)
    assert left is not None
    assert left.model_id is None


def test_a_fetched_folder_is_looked_into_beside_the_reconciler() -> None:
    model = ticked(models.add_model("hub", "owner/good"))
    wait_for(lambda: (folder(model) / "exit.1.json").exists(), seconds=30)
    assert ticked(model).status == ModelStatus.QUEUED  # this tick has only asked another thread
    assert settled(model).status == ModelStatus.READY


def test_a_hostile_header_of_the_hub_is_a_model_that_cannot_be_trained() -> None:
    model = settled(models.add_model("hub", "owner/bomb"))
    assert (model.status, model.trainable) == (ModelStatus.READY, False)
    assert "has 4,000 digits" in (model.untrainable_reason or "")
