"""Deleted datasets and models over REST: brought back, or removed at once."""

from fastapi.testclient import TestClient

from storage import db
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.engine.data.stored_datasets import stored_dataset


def test_a_deletion_is_listed_undone_and_repeated_without_a_wait(owner: TestClient) -> None:
    dataset = stored_dataset(name="jokes")
    model = Model(source="hub", source_id="o/m", name="jokes", status=ModelStatus.READY)
    with db.session() as session:
        session.add(model)
    for noun, row_id in (("datasets", dataset.id), ("models", model.id)):
        undo_id = owner.delete(f"/api/{noun}/{row_id}").headers["X-Undo-Id"]
        assert owner.get(f"/api/{noun}/{row_id}").status_code == 404
        (listed,) = owner.get(f"/api/{noun}/undo").json()
        assert (listed["id"], listed["words"], listed["ids"]) == (undo_id, "jokes deleted", [row_id])
        assert owner.post(f"/api/{noun}/undo/{undo_id}").json() == {"words": "jokes deleted", "ids": [row_id]}
        assert owner.post(f"/api/{noun}/undo/{undo_id}").status_code == 404
        assert owner.get(f"/api/{noun}/{row_id}").status_code == 200
        again = owner.post(f"/api/{noun}/bulk", json={"action": "delete", "ids": [row_id]}).json()
        assert owner.delete(f"/api/{noun}/undo/{again['undo']}").status_code == 204
        assert owner.post(f"/api/{noun}/undo/{again['undo']}").status_code == 404
        assert owner.get(f"/api/{noun}/undo").json() == []
    assert owner.get("/api/datasets/undo?project_id=other").json() == []
