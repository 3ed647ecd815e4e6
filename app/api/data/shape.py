"""Versions of datasets over REST: every change makes a new one; what came from what; what differs."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, Body, Limit, Name, NamedId, Offset, RowId
from app.api.data.datasets import DatasetAnswer
from engine.data import lineage, shape
from engine.rows.shape.add import MOST_ROWS
from engine.rows.shape.drop import MOST_LISTED, Position
from engine.rows.shape.filtering import Condition
from engine.rows.shape.split import MOST_SIDES, Side
from storage.tables import Dataset

router = APIRouter(prefix="/datasets", tags=["datasets"])

DIFF_SECONDS = 20

Seed = Annotated[int, Field(ge=0, lt=2**63, description="Another seed chooses in another way.")]
NewName = Annotated[Name | None, Field(description="The name of the new dataset; one is made up when left out.")]
PathPosition = Annotated[
    int, Path(alias="position", ge=0, le=LARGEST, description="The row, counted from 0 in the order of the dataset.")
]
With = Annotated[
    str,
    Query(alias="with", pattern=r"^[0-9a-z-]{1,64}$", description="The id of the earlier dataset to compare with."),
]


class SampleBody(Body):
    op: Literal["sample"] = Field(description="A new dataset with a random part of the rows.")
    rows: int | None = Field(default=None, ge=1, description="How many rows; or give a share.")
    share: float | None = Field(default=None, gt=0, lt=1, description="Which share of the rows, such as 0.1.")
    seed: Seed = 42
    name: NewName = None


class SplitBody(Body):
    op: Literal["split"] = Field(description="New datasets, one a side. The same row always goes to the same side.")
    sides: list[Side] = Field(
        default=[Side(name="train", share=0.9), Side(name="test", share=0.1)],
        min_length=2,
        max_length=MOST_SIDES,
        description="Names and shares; the shares add up to 1 and are met approximately.",
    )
    seed: Seed = 42
    name: NewName = None


class SplitByBody(Body):
    op: Literal["split_by"] = Field(description="New datasets, one for each value of a column.")
    column: str = Field(min_length=1, max_length=200, description="A column beside what is learnt, such as `split`.")


class FilterBody(Body):
    op: Literal["filter"] = Field(description="The next version: rows that meet conditions are kept or dropped.")
    conditions: list[Condition] = Field(min_length=1, max_length=20, description="What to look at.")
    meet: Literal["all", "any"] = Field(default="all", description="Whether a row must meet all of them or any.")
    then: Literal["keep", "drop"] = Field(default="keep", description="What happens to the rows that do.")


class DropBody(Body):
    op: Literal["drop"] = Field(description="The next version, without these rows.")
    positions: list[Position] = Field(
        min_length=1, max_length=MOST_LISTED, description="The rows, counted from 0 in the order of the dataset."
    )
    why: str = Field(default="", max_length=200, description="What is wrong with them, for the list of versions.")


class ShuffleBody(Body):
    op: Literal["shuffle"] = Field(description="The next version, in a random order.")
    seed: Seed = 42


class PlainBody(Body):
    op: Literal["deduplicate", "mask", "strip"] = Field(
        description="The next version: without exact duplicates, with placeholders for personal data and keys, or "
        "without special tokens inside texts."
    )


Operation = Annotated[
    SampleBody | SplitBody | SplitByBody | FilterBody | DropBody | ShuffleBody | PlainBody, Field(discriminator="op")
]


class RowsBody(Body):
    rows: list[dict[str, Any]] = Field(
        min_length=1, max_length=MOST_ROWS, description="Rows in any format that becomes the dataset's kind."
    )


class EditBody(Body):
    values: dict[str, Any] = Field(description="The whole row, in any format that becomes the dataset's kind.")


class MergeBody(Body):
    dataset_ids: list[RowId] = Field(
        min_length=2,
        max_length=shape.MOST_TOGETHER,
        description="The datasets; their rows follow in this order.",
    )
    name: NewName = None
    weights: list[Annotated[float, Field(gt=0, le=1e6)]] | None = Field(
        default=None, description="One for each dataset: then rows are drawn by weight, not put one after the other."
    )
    stop: Literal["first", "all"] = Field(
        default="first", description="With weights: end when the first dataset, or each of them, is used up."
    )
    seed: Seed = 42


@router.post(
    "/merge", status_code=201, summary="Merge or mix datasets", response_model=DatasetAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def merge_datasets(body: MergeBody) -> Dataset:
    """A new dataset with the rows of several, one dataset after the other, or drawn by weight. It is `importing`
    at first. Datasets of different kinds are refused; only prompt/completion pairs can join chats."""
    if body.weights is None:
        return shape.merge(body.dataset_ids, body.name or "")
    return shape.mix(body.dataset_ids, body.weights, body.name or "", stop=body.stop, seed=body.seed)


@router.post(
    "/{id}/versions", status_code=201, summary="Change a dataset", response_model=list[DatasetAnswer],
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def create_dataset_version(dataset_id: NamedId, body: Operation) -> list[Dataset]:
    """Makes the next version, or new datasets for `split`, `split_by` and `sample`. They are `importing` at first."""
    if isinstance(body, SplitByBody):
        return shape.split_by_column(dataset_id, body.column)
    operation = body.model_dump(exclude={"name"})
    return shape.change(dataset_id, operation, getattr(body, "name", None) or "")


@router.get("/{id}/versions", summary="Versions of a dataset", response_model=list[DatasetAnswer], responses=NOT_FOUND)
def list_dataset_versions(dataset_id: NamedId) -> Sequence[Dataset]:
    """All versions of the dataset's family, the newest first; `operation` says what made each."""
    return lineage.versions(dataset_id)


@router.get("/{id}/lineage", summary="Where a dataset comes from", responses=NOT_FOUND)
def show_lineage(dataset_id: NamedId) -> lineage.Ancestor:
    """The tree of all datasets it was made from, with how, in words."""
    return lineage.lineage(dataset_id)


@router.get("/{id}/diff", summary="Compare two datasets", responses=NOT_FOUND | CONFLICT)
def show_difference(dataset_id: NamedId, earlier: With, offset: Offset = 0, limit: Limit = 50) -> lineage.Comparison:
    """What differs from an earlier dataset, usually another version: counts, and a page of the rows. Large datasets
    take a while: `ready` is false then, and the same question asked again goes on waiting."""
    return lineage.diff(earlier, dataset_id, offset, limit, DIFF_SECONDS)


@router.put(
    "/{id}/rows/{position}", status_code=201, summary="Edit a row", response_model=DatasetAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def edit_row(dataset_id: NamedId, position: PathPosition, body: EditBody) -> Dataset:
    """Makes the next version, in which this row has new values. They are read like a row of a file: a row that cannot
    be trained on is refused with the rule it breaks."""
    return shape.edit_row(dataset_id, position, body.values)


@router.post(
    "/{id}/rows", status_code=201, summary="Add rows", response_model=DatasetAnswer, responses=NOT_FOUND | CONFLICT
)
def add_rows(dataset_id: NamedId, body: RowsBody) -> Dataset:
    """Makes the next version, with these rows at its end. For more rows import a file, and merge."""
    return shape.add_rows(dataset_id, body.rows)
