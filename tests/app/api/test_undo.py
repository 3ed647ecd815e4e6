"""What was deleted over REST: brought back, or removed at once."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.chat import chat
from engine.code import snippets
from engine.sweeps.spec import SweepSpec
from storage import db
from storage.statuses import ModelStatus, SweepStatus
from storage.tables import Message, Model, Sweep
from tests import stored_evaluations
from tests.engine.data.stored_datasets import stored_dataset
from tests.engine.sweeps import stored_sweeps


def a_model() -> str:
    return stored(Model(source="hub", source_id="o/m", name="jokes", status=ModelStatus.READY))


def a_sweep() -> str:
    spec = SweepSpec.model_validate(stored_sweeps.asked(name="jokes")).model_dump(mode="json")
    return stored(Sweep(project_id="default", name="jokes", spec=spec, status=SweepStatus.SUCCEEDED))


def stored(row: Any) -> str:
    with db.session() as session:
        session.add(row)
    return str(row.id)


MADE: dict[str, Callable[[], str]] = {
    "datasets": lambda: stored_dataset(name="jokes").id,
    "models": a_model,
    "chats": lambda: chat.new_chat(title="jokes").id,
    "snippets": lambda: snippets.create("jokes", "python", "", {"main.py": "1"}).id,
    "evaluations": lambda: stored_evaluations.add("jokes").id,
    "sweeps": a_sweep,
}
HAS_BULK = ("datasets", "models")


@pytest.mark.parametrize("noun", MADE)
def test_a_deletion_is_listed_undone_and_repeated_without_a_wait(noun: str, owner: TestClient) -> None:
    row_id = MADE[noun]()
    undo_id = owner.delete(f"/api/{noun}/{row_id}").headers["X-Undo-Id"]
    ids = [row["id"] for row in owner.get(f"/api/{noun}").json()]
    assert (owner.get(f"/api/{noun}/{row_id}").status_code, row_id in ids) == (404, False)
    assert owner.delete(f"/api/{noun}/{row_id}").status_code == 404
    (listed,) = owner.get(f"/api/{noun}/undo").json()
    assert (listed["id"], listed["words"], listed["ids"]) == (undo_id, "jokes deleted", [row_id])
    assert owner.post(f"/api/{noun}/undo/{undo_id}").json() == {"words": "jokes deleted", "ids": [row_id]}
    assert owner.post(f"/api/{noun}/undo/{undo_id}").status_code == 404
    assert owner.get(f"/api/{noun}/{row_id}").status_code == 200
    assert row_id in [row["id"] for row in owner.get(f"/api/{noun}").json()]
    if noun in HAS_BULK:
        again = owner.post(f"/api/{noun}/bulk", json={"action": "delete", "ids": [row_id]}).json()["undo"]
    else:
        again = owner.delete(f"/api/{noun}/{row_id}").headers["X-Undo-Id"]
    if noun != "models":  # they belong to no project
        assert owner.get(f"/api/{noun}/undo?project_id=other").json() == []
        assert len(owner.get(f"/api/{noun}/undo?project_id=default").json()) == 1
    assert owner.delete(f"/api/{noun}/undo/{again}").status_code == 204
    assert owner.post(f"/api/{noun}/undo/{again}").status_code == 404
    assert owner.get(f"/api/{noun}/undo").json() == []


def test_a_message_is_deleted_and_had_back(owner: TestClient) -> None:
    talk = chat.new_chat()
    asked = chat.ask(talk.id, "one")
    chat._store(Message(chat_id=talk.id, side="tuned", model="jokes", content="1"))
    address = f"/api/chats/{talk.id}"
    undo_id = owner.delete(f"{address}/messages/{asked.id}").headers["X-Undo-Id"]
    assert owner.get(address).json()["messages"] == []
    assert owner.delete(f"{address}/messages/{asked.id}").status_code == 404
    (listed,) = owner.get("/api/chats/undo?project_id=default").json()
    assert (listed["id"], listed["words"]) == (undo_id, "Question and answer deleted: “one”")
    assert owner.post(f"/api/chats/undo/{undo_id}").status_code == 200
    assert [turn["content"] for turn in owner.get(address).json()["messages"]] == ["one", "1"]
    again = owner.delete(f"{address}/messages/{asked.id}").headers["X-Undo-Id"]
    assert owner.delete(f"/api/chats/undo/{again}").status_code == 204
    assert owner.get("/api/chats/undo").json() == []
