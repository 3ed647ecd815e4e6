"""A model, a dataset and a recipe that go together, stored, for tests of estimates and probes."""

from pathlib import Path
from typing import Any

from engine.process import work
from engine.recipes.recipe import Recipe
from storage import db
from storage.statuses import DatasetStatus, ModelStatus, WorkStatus
from storage.tables import Dataset, Model, Work
from tests.engine.weights import model_folders

ROWS = 40


def furnish(folder: Path) -> tuple[Model, Dataset]:
    """A ready model of 712 parameters and a ready dataset of 40 chats of about 50 tokens."""
    path = str(model_folders.make(folder / "m"))
    facts: dict[str, Any] = {"parameters": model_folders.PARAMETERS, "has_chat_template": True, "trainable": True}
    state: dict[str, Any] = {
        "name": "tiny",
        "path": path,
        "status": ModelStatus.READY,
        "context_length": 128,
        "size_bytes": 3000,
    }
    model = Model(id="m1", source="path", source_id=path, **state, **facts)
    rows: dict[str, Any] = {"kind": "chat", "rows": ROWS, "accepted": ROWS, "sha256": "0" * 64, "size_bytes": 6000}
    dataset = Dataset(id="d1", project_id="default", name="jokes", status=DatasetStatus.READY, **rows)
    with db.session() as session:
        session.add(model)
        session.add(dataset)
    return model, dataset


def recipe(**fields: Any) -> Recipe:
    return Recipe.model_validate({"model_id": "m1", "dataset_id": "d1", "max_length": 128, "bf16": False, **fields})


def done(kind: str, subject: str, spec: dict[str, Any], result: dict[str, Any]) -> Work:
    """A piece of work that has succeeded."""
    asked = work.enqueue(kind, subject, spec)
    with db.session() as session:
        succeeded = session.get_one(Work, asked.id)
        succeeded.result, succeeded.status = result, WorkStatus.SUCCEEDED
    return succeeded
