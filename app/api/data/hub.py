"""Datasets and the Hugging Face hub over REST: what a repository has to choose from, and a dataset pushed there."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, SecretStr

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from engine.data import datasets
from engine.data import hub as hub_data
from engine.errors import NotFoundError
from storage.statuses import WorkStatus
from storage.tables import Work

router = APIRouter(tags=["datasets"])

HubId = Annotated[str, Query(max_length=300, description="The dataset's id on the hub, owner/name, or its address.")]
Revision = Annotated[str, Query(max_length=200, description="A branch, tag or commit.")]


class HubConfig(Answer):
    name: str = Field(description="The configuration, for the import.")
    splits: list[str] = Field(description="Its splits, such as train and test.")
    files: int = Field(description="How many files of rows it has.")
    bytes: int = Field(description="Their size together.")


class HubAnswer(Answer):
    id: str = Field(description="The dataset's id on the hub.")
    revision: str = Field(description="The commit that was looked at.")
    default: str | None = Field(description="The configuration used when none is named; null when one must be named.")
    configs: list[HubConfig] = Field(description="What there is to choose from.")


class PushBody(Body):
    repo_id: str = Field(max_length=300, description="Where to: owner/name. Made when there is no such repository.")
    token: SecretStr | None = Field(
        default=None,
        description="A token that may write. Used once and not kept; HF_TOKEN of the studio when left out.",
    )
    private: bool = Field(default=True, description="Whether a new repository is private. One that exists stays as is.")
    split: str = Field(default="train", max_length=40, description="The split these rows become.")


class PushAnswer(Answer):
    id: str = Field(description="The id of this push.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when it is not running.")
    stage: str = Field(description="What it is doing.")
    result: dict[str, Any] = Field(description="After success: url, revision (the commit), rows and split.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")


@router.get("/hub/datasets", summary="Look at a dataset of the hub")
def show_hub_dataset(hub_id: Annotated[HubId, Query(alias="id")], revision: Revision = "main") -> HubAnswer:
    """The configurations and splits of a dataset on the hub, to import one of them. Nothing is downloaded."""
    return HubAnswer.model_validate(hub_data.look(hub_id, revision))


@router.post(
    "/datasets/{id}/push",
    status_code=202,
    summary="Push a dataset to the hub",
    response_model=PushAnswer,
    responses=NOT_FOUND | CONFLICT,
)
def push_dataset(dataset_id: NamedId, body: PushBody) -> Work:
    """Pushes the rows as Parquet, with a card that says where they came from. A repository that exists and was not
    made by a studio is refused."""
    token = body.token.get_secret_value() if body.token else ""
    return hub_data.push(dataset_id, body.repo_id, token, body.private, body.split)


@router.get("/datasets/{id}/push", summary="Show the newest push", response_model=PushAnswer, responses=NOT_FOUND)
def show_push(dataset_id: NamedId) -> Work:
    """How the newest push of the dataset goes, or how it ended."""
    push = hub_data.latest_push(datasets.look_up(dataset_id).id)
    if push is None:
        raise NotFoundError("This dataset has not been pushed.", "POST here to push it.")
    return push
