"""Models that are deleted: nowhere at once, back within half a minute, then gone with what was fetched."""

import time
from pathlib import Path

import pytest
from sqlalchemy import update

from engine import deleted
from engine.errors import ConflictError, NotFoundError
from engine.life import orphans, upkeep
from engine.models import deleting, listing, models
from storage import counts, db, home
from storage import models as stored
from storage.lists import models as stored_lists
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.engine.weights import model_folders


def fetched(name: str = "o/m") -> Model:
    """A model of the hub, as its fetch leaves it."""
    model = Model(source="hub", source_id=name, name=name, status=ModelStatus.READY)
    with db.session() as session:
        session.add(model)
    (home.ensure_folder(home.model_folder(model.id)) / "weights").write_text("w")
    return model


def test_a_deleted_model_is_found_by_no_query_and_comes_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fetched()
    deletion_id = deleting.delete_model(model.id)
    with db.reading() as session:
        assert stored.get(session, model.id) is None
        assert [*stored.recent(session), *stored.by_id(session, [model.id]), *stored.names(session, [model.id])] == []
        assert stored.by_source(session, "hub", "o/m") is None
        assert stored_lists.count(session, stored_lists.Filters()) == stored.count(session) == 0
        assert counts.of_project(session, "default").models == 0
    monkeypatch.setattr(orphans, "OLD_SECONDS", -1)
    upkeep.CHORES["deleted models"].act()
    orphans.sweep()
    assert deleting.undo(deletion_id) == ("o/m deleted", [model.id])
    assert models.look_up(model.id).status == ModelStatus.READY
    assert (home.model_folder(model.id) / "weights").exists()


def test_after_half_a_minute_it_is_gone_with_its_files_whoever_lives_then() -> None:
    model = fetched()
    deletion_id = deleting.delete_model(model.id)
    with db.session() as session:
        session.connection().execute(update(Model).values(deleted_at=time.time() - 33))
    upkeep.CHORES["deleted models"].act()
    assert not home.model_folder(model.id).exists()
    with pytest.raises(NotFoundError):
        deleting.undo(deletion_id)


def test_a_model_that_was_added_again_meanwhile_stays_the_new_one(tmp_path: Path) -> None:
    folder = str(model_folders.make(tmp_path / "m"))
    first = models.add_model("path", folder)
    deletion_id = deleting.delete_model(first.id)
    second = models.add_model("path", folder)
    assert second.id != first.id
    with pytest.raises(ConflictError, match="added again"):
        deleting.undo(deletion_id)
    assert models.look_up(second.id)


def test_many_models_go_and_come_back_together() -> None:
    ids = [fetched("o/a").id, fetched("o/b").id]
    outcome = listing.act_on("delete", [*ids, "none"])
    assert outcome.done == ids
    assert [row.words for row in deleted.waiting(Model)] == ["2 models deleted"]
    assert set(deleting.undo(str(outcome.undo))[1]) == set(ids)
