"""What people write on datasets and models, over REST: name, tags, description; the same done with many at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Name, NamedId, RowId
from app.api.data.datasets import DatasetAnswer
from app.api.models.models import ModelAnswer, shown
from engine import listed, names
from engine.data import listing as datasets_listing
from engine.models import listing as models_listing
from storage.tables import Dataset

router = APIRouter(tags=["datasets", "models"])
Tags = Annotated[list[Annotated[str, Field(max_length=names.LONGEST_TAG)]], Field(max_length=names.MOST_TAGS)]
Ids = Annotated[list[RowId], Field(min_length=1, max_length=listed.MOST_AT_ONCE)]


class WordsBody(Body):
    """What is left out stays as it is."""

    name: Name | None = Field(default=None, description="What lists show.")
    tags: Tags | None = Field(default=None, description="Words to find it by: these and no others.")
    description: str | None = Field(
        default=None, max_length=listed.LONGEST_DESCRIPTION, description="What it is. Empty: none."
    )

    def asked(self) -> listed.Change:
        return listed.Change(self.name, self.tags, self.description)


class ManyBody(Body):
    action: listed.Action = Field(description="delete, tag or untag.")
    ids: Ids = Field(description="Which ones.")
    tag: str = Field(default="", max_length=names.LONGEST_TAG, description="The tag, for tag and untag.")


class RefusedAnswer(Answer):
    id: str = Field(description="Which one.")
    message: str = Field(description="Why it was not done, and what to do about it.")


class ManyAnswer(Answer):
    done: list[str] = Field(description="Ids of those it was done with.")
    refused: list[RefusedAnswer] = Field(description="The others, and why.")
    undo: str | None = Field(description="Of a deletion: give it to POST .../undo/{id} to take it back; null: nothing.")


@router.patch("/datasets/{id}", summary="Change a dataset", response_model=DatasetAnswer, responses=NOT_FOUND)
def change_dataset(dataset_id: NamedId, body: WordsBody) -> Dataset:
    """Another name, tags or description, for all versions of the dataset. Its rows stay as they are."""
    return datasets_listing.change(dataset_id, body.asked())


@router.post("/datasets/bulk", summary="Change many datasets", response_model=ManyAnswer, responses=CONFLICT)
def change_datasets(body: ManyBody) -> Any:
    """Deletes datasets with all their versions, or tags them. What one refuses does not keep the others from it."""
    return datasets_listing.act_on(body.action, body.ids, body.tag)


@router.patch("/models/{id}", summary="Change a model", responses=NOT_FOUND)
def change_model(request: Request, model_id: NamedId, body: WordsBody) -> ModelAnswer:
    """Another name, tags or description. Its files stay as they are."""
    return shown(models_listing.change(model_id, body.asked()), request)


@router.post("/models/bulk", summary="Change many models", response_model=ManyAnswer, responses=CONFLICT)
def change_models(body: ManyBody) -> Any:
    """Deletes models, or tags them. What one refuses does not keep the others from it."""
    return models_listing.act_on(body.action, body.ids, body.tag)
