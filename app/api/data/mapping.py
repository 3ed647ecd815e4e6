"""Mappings of datasets over REST: what was detected, a mapping tried on the first rows, and applied."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from app.api.data.datasets import DatasetAnswer
from engine.data import datasets, mappings
from engine.rows.mapping.mapping import Mapping
from engine.rows.readers import encodings
from storage.tables import Dataset

router = APIRouter(prefix="/datasets", tags=["datasets"])


class MappingColumn(Answer):
    name: str = Field(description="The column's name in the file.")
    filled: float = Field(description="Share of the first rows that have something in it, 0 to 1.")
    examples: list[str] = Field(description="Values from the first rows, shortened.")


class MappingAnswer(Answer):
    mapping: Mapping | None = Field(
        description="The mapping in force, by a person; null when rows are read as detected."
    )
    detected: Mapping | None = Field(description="What detection took from where, or a guess; null for no idea.")
    guessed: bool = Field(description="Whether `detected` is only a guess, because the rows are in no known format.")
    format: str | None = Field(description="The format that was detected; null for none.")
    confidence: float | None = Field(description="Share of the rows looked at that are in that format, 0 to 1.")
    looked_at: int = Field(description="How many rows were looked at, from the first on.")
    formats: dict[str, int] = Field(
        description="How many of these rows are in each format; the empty name means no known format."
    )
    columns: list[MappingColumn] = Field(description="The columns of the file.")
    roles: dict[str, int] = Field(description="How often each name of a role comes in the turns of these rows.")


class TryMappingBody(Body):
    mapping: Mapping = Field(description="The mapping to try.")
    rows: int = Field(default=3, ge=1, le=20, description="How many rows to answer with.")
    encoding: str = Field(
        default="", max_length=60, description="The encoding to read them in; else as the dataset is."
    )


class TriedRow(Answer):
    row: int = Field(description="Number of the row in the source, from 1.")
    verdict: str = Field(description="accepted, repaired or rejected.")
    values: dict[str, Any] | None = Field(default=None, description="The row as it would be trained on.")
    repairs: list[str] = Field(default_factory=list, description="The repairs it would take.")
    rule: str | None = Field(default=None, description="The rule it breaks, when it is rejected.")
    value: str | None = Field(default=None, description="What was found.")
    fix: str | None = Field(default=None, description="What would make it right.")


class TriedMappingAnswer(Answer):
    looked_at: int = Field(description="How many rows the mapping was tried on: the first ones of the source.")
    accepted: int = Field(description="How many of these would be taken as they are.")
    repaired: int = Field(description="How many would be taken after a repair.")
    rejected: int = Field(description="How many would be rejected.")
    rules: dict[str, int] = Field(description="How often each rule would be broken.")
    rows: list[TriedRow] = Field(description="The first rows, and the first rejected one where there is one.")


class ApplyBody(Body):
    mapping: Mapping | None = Field(description="The mapping to read the files by; null reads them as detected.")
    encoding: str | None = Field(
        default=None,
        max_length=60,
        description="The encoding of their text, such as cp949; the empty text finds it anew, null leaves it as it is.",
    )


@router.get("/{id}/mapping", summary="Mapping of a dataset", responses=NOT_FOUND | CONFLICT)
def show_mapping(dataset_id: NamedId) -> MappingAnswer:
    """What was detected in the first rows of the dataset's files and how sure that is, and what there is to map."""
    dataset = datasets.look_up(dataset_id)
    detected = dict(mappings.look(dataset_id))
    return MappingAnswer.model_validate({**detected, "detected": detected.pop("mapping"), "mapping": dataset.mapping})


@router.post("/{id}/mapping/try", summary="Try a mapping", responses=NOT_FOUND | CONFLICT)
def try_mapping(dataset_id: NamedId, body: TryMappingBody) -> TriedMappingAnswer:
    """What would become of the first rows, without importing anything."""
    encoding = encodings.checked(body.encoding) if body.encoding else ""
    return TriedMappingAnswer.model_validate(mappings.try_mapping(dataset_id, body.mapping, body.rows, encoding))


@router.put("/{id}/mapping", summary="Apply a mapping", response_model=DatasetAnswer, responses=NOT_FOUND | CONFLICT)
def apply_mapping(dataset_id: NamedId, body: ApplyBody) -> Dataset:
    """Imports the dataset's files anew by a mapping. One that is ready stays; the answer is its new version."""
    return mappings.apply(dataset_id, body.mapping, body.encoding)
