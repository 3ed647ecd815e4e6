"""Deleted datasets and models over REST: what can be had back, brought back, or removed at once."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, PathId, ProjectFilter
from engine import deleted
from engine.data import deleting as datasets_deleting
from engine.models import deleting as models_deleting
from storage.tables import Dataset, Model

router = APIRouter(tags=["datasets", "models"])


class DeletionAnswer(Answer):
    id: str = Field(description="Give it to POST .../undo/{id}.")
    words: str = Field(description="What was deleted.")
    at: float = Field(description="When: seconds since 1970, UTC. It can be undone for 30 seconds.")
    ids: list[str] = Field(description="Ids of what comes back.")


class UndoneDeletionAnswer(Answer):
    words: str = Field(description="What was undone.")
    ids: list[str] = Field(description="Ids of what is there again.")


@router.get("/datasets/undo", summary="List deleted datasets", response_model=list[DeletionAnswer])
def list_deleted_datasets(project_id: ProjectFilter = None) -> Any:
    """What was deleted in the last half minute and can be undone, the newest first."""
    return deleted.waiting(Dataset, project_id)


@router.post(
    "/datasets/undo/{id}",
    summary="Undo a deletion of datasets",
    response_model=UndoneDeletionAnswer,
    responses=NOT_FOUND | CONFLICT,
)
def undo_datasets(deletion_id: PathId) -> Any:
    """Brings datasets back. 409 when the time is over, 404 when they were brought back already or are gone."""
    words, ids = datasets_deleting.undo(deletion_id)
    return UndoneDeletionAnswer(words=words, ids=ids)


@router.delete("/datasets/undo/{id}", status_code=204, summary="Remove deleted datasets now", responses=NOT_FOUND)
def free_datasets(deletion_id: PathId) -> None:
    """Removes rows and files of deleted datasets without waiting for the half minute, as a full disk may need."""
    datasets_deleting.free(deletion_id)


@router.get("/models/undo", summary="List deleted models", response_model=list[DeletionAnswer])
def list_deleted_models() -> Any:
    """What was deleted in the last half minute and can be undone, the newest first."""
    return deleted.waiting(Model)


@router.post(
    "/models/undo/{id}",
    summary="Undo a deletion of models",
    response_model=UndoneDeletionAnswer,
    responses=NOT_FOUND | CONFLICT,
)
def undo_models(deletion_id: PathId) -> Any:
    """Brings models back. 409 when the time is over or the model was added again, 404 when they are gone."""
    words, ids = models_deleting.undo(deletion_id)
    return UndoneDeletionAnswer(words=words, ids=ids)


@router.delete("/models/undo/{id}", status_code=204, summary="Remove deleted models now", responses=NOT_FOUND)
def free_models(deletion_id: PathId) -> None:
    """Removes the files of deleted models without waiting for the half minute, as a full disk may need."""
    models_deleting.free(deletion_id)
