"""A model that is there is looked at once: what ends its answers is known to its card, REST and the Train page."""

import json
import shutil
from pathlib import Path

import pytest

from engine.models import deleting, looks, models
from engine.process import plan, work
from engine.weights import token_facts
from engine.weights.token_facts import TokenFacts
from storage import db, home
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import Model
from tests.engine.weights import model_folders
from tests.waiting import wait_for

FAKE = "tests.engine.models.fake_look"


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "look_model", FAKE)


def facts(model: Model) -> TokenFacts | None:
    return token_facts.of(models.look_up(model.id).token_facts)


def looked_at(model: Model) -> TokenFacts:
    def found() -> TokenFacts | None:
        models.tick()
        work.tick()
        return facts(model)

    wait_for(found, seconds=30)
    known = facts(model)
    assert known is not None
    return known


def add(path: Path) -> Model:
    return models.add_model("path", str(model_folders.make(path)))


def test_a_new_model_is_looked_at_and_what_was_found_is_kept(tmp_path: Path) -> None:
    model = add(tmp_path / "m")
    assert model.status == ModelStatus.READY
    assert facts(model) is None
    assert looked_at(model).ends_with == "<|im_end|>"
    for _ in range(3):
        models.tick()
    assert len(work.about(model.id)) == 1


def test_a_model_of_an_older_home_is_looked_at_too(tmp_path: Path) -> None:
    path = str(model_folders.make(tmp_path / "m"))
    model = Model(source="path", source_id=path, name="old", path=path, status=ModelStatus.READY)
    with db.session() as session:
        session.add(model)
    assert looked_at(model).state


def test_why_a_look_failed_is_kept_and_it_is_not_tried_for_ever(tmp_path: Path) -> None:
    model = add(tmp_path / "fails")
    found = looked_at(model)
    assert found.problem == "The model's chat template ran on one row without end, and was stopped."
    assert token_facts.remarks(found) == [f"Its tokenizer could not be looked at: {found.problem}"]
    models.tick()
    assert [look.status for look in work.about(model.id)] == [WorkStatus.FAILED]


def test_a_model_whose_folder_is_gone_is_not_looked_at(tmp_path: Path) -> None:
    model = add(tmp_path / "m")
    shutil.rmtree(tmp_path / "m")
    assert looked_at(model).problem == "Its folder is not there."
    assert work.about(model.id) == []
    looks.forget_changed()
    assert facts(model) is not None
    model_folders.make(tmp_path / "m")
    looks.forget_changed()
    assert looked_at(model).ends_with == "<|im_end|>"


def test_a_folder_that_has_changed_is_looked_at_again(tmp_path: Path) -> None:
    model = add(tmp_path / "m")
    before = looked_at(model)
    looks.forget_changed()
    assert facts(model) == before
    (tmp_path / "m" / "generation_config.json").write_text(json.dumps({"eos_token_id": 2}))
    looks.forget_changed()
    assert facts(model) is None
    assert looked_at(model).state != before.state


def test_a_deleted_model_leaves_nothing_of_its_look(tmp_path: Path) -> None:
    model = add(tmp_path / "m")
    looked_at(model)
    (look,) = work.about(model.id)
    deleting.free(deleting.delete_model(model.id))
    assert work.about(model.id) == []
    assert not home.work_folder(look.id).exists()


def test_what_a_later_version_knows_more_is_no_reason_to_know_nothing() -> None:
    found = token_facts.of({"turn_end": "<|end|>", "eos": ["<|end|>"], "something_new": 1})
    assert found is not None
    assert found.ends_with == "<|end|>"
    assert token_facts.of({"tokens": "many"}) is None
    assert token_facts.of(None) is None
