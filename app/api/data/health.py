"""Health, search and statistics of datasets over REST."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId, Offset, RowId
from app.api.data.datasets import DatasetAnswer
from engine.data import health, health_choices, search
from engine.errors import ConflictError
from engine.rows.health.checks import CHECKS
from engine.rows.health.score import Part
from storage.tables import Dataset

router = APIRouter(prefix="/datasets", tags=["datasets"])

CheckName = Annotated[str, Path(pattern="^[a-z_]{1,40}$", description="The check's name, such as near_duplicates.")]
Page = Annotated[int, Query(ge=1, le=health.MOST_ROWS_A_PAGE, description="How many to answer with at most.")]
Sought = Annotated[
    str, Query(max_length=1000, description='Words, "exact phrases" and beginnings*; a row must have all of them.')
]


class Finding(Answer):
    check: str = Field(description="The check's name.")
    title: str = Field(description="What people call it.")
    means: str = Field(description="Why it matters.")
    found: int = Field(description="Rows it found.")
    share: float = Field(description="Share of all rows, 0 to 1.")
    points: float = Field(description="What it takes from the score; 0 when it is ignored.")
    weight: int = Field(description="What it would take if every row were found.")
    ignored: bool = Field(description="Whether a person has accepted it.")
    applies: bool = Field(description="Whether there was anything to judge in rows of this kind.")
    note: str = Field(description="What else there is to know; may be empty.")
    details: dict[str, int] = Field(description="Counts of what was found, such as mail or phone.")
    fix: Literal["drop", "mask", "strip"] = Field(description="What its fix does.")


class HealthAnswer(Answer):
    status: Literal["none", "queued", "running", "succeeded", "failed", "stopped"] = Field(
        description="How far the checks are; none when they have never been started."
    )
    progress: float | None = Field(description="How far the checks are, 0 to 1; null when unknown.")
    stage: str = Field(description="The same in words.")
    error: str | None = Field(description="Why the checks failed.")
    against: list[str] = Field(description="Ids of the datasets that rows are compared with for leakage.")
    score: int | None = Field(description="0 to 100; null before the checks have succeeded.")
    findings: list[Finding] = Field(description="One a check, those that cost most first; empty before.")


class StartBody(Body):
    against: list[RowId] | None = Field(
        default=None,
        max_length=health_choices.MOST_COMPARED,
        description="Ids of datasets to compare with for leakage; remembered. As before when left out.",
    )


class FixBody(Body):
    positions: list[Annotated[int, Field(ge=0, lt=2**53)]] | None = Field(
        default=None,
        min_length=1,
        max_length=10_000,
        description="Only these of the found rows, by position from 0, where the fix drops rows. All when left out.",
    )


class IgnoreBody(Body):
    ignored: bool = Field(default=True, description="False counts the finding again.")


class FoundRow(Answer):
    position: int = Field(description="Place of the row in the dataset, from 0.")
    twin: int | None = Field(default=None, description="Place of the row it repeats, for duplicates.")
    said: str = Field(default="", description="What is special about it, such as its language.")
    row: dict[str, Any] = Field(description="The row as it will be trained on.")


class FoundRowsAnswer(Answer):
    rows: list[FoundRow] = Field(description="The rows, in the order of the dataset.")
    offset: int = Field(description="How many were skipped.")


class Hit(Answer):
    position: int = Field(description="Place of the row in the dataset, from 0.")
    row: dict[str, Any] = Field(description="The row as it will be trained on.")


class SearchAnswer(Answer):
    total: int = Field(description="How many rows have everything searched for, among those looked at.")
    rows: list[Hit] = Field(description="One page of them, in the order of the dataset.")
    looked_at: int = Field(description="How many rows were searched.")
    complete: bool = Field(description="False while the index is being made and only the first rows are searched.")


class TextLengths(Answer):
    median: int = Field(description="Characters that half of the texts do not exceed.")
    p95: int = Field(description="Characters that 95 % of the texts do not exceed.")
    longest: int = Field(description="Characters of the longest text.")
    bars: list[tuple[int, int, int]] = Field(description="[from, below, texts]: how many texts have that length.")


class StatisticsAnswer(Answer):
    rows: int = Field(description="Rows that are trained on.")
    characters: int = Field(description="Characters of all texts together.")
    turns: dict[str, int] = Field(
        description="Rows by their number of turns, 12 being 12 or more; empty without turns."
    )
    roles: dict[str, int] = Field(description="Turns by role; empty without turns.")
    languages: dict[str, int] = Field(description="Rows by language code; the empty one where it is not clear.")
    lengths: dict[str, TextLengths] = Field(
        description="Lengths of each question, answer and text, where there are such."
    )


@router.get("/{id}/health", summary="Health of a dataset", responses=NOT_FOUND)
def show_health(dataset_id: NamedId) -> HealthAnswer:
    """The score of a dataset, and what each check found."""
    return _told(health.report(dataset_id))


@router.post("/{id}/health", status_code=202, summary="Check a dataset", responses=NOT_FOUND | CONFLICT)
def check_health(dataset_id: NamedId, body: StartBody) -> HealthAnswer:
    """Begins to check the dataset, or answers with the checks there are."""
    health.start(dataset_id, body.against)
    return _told(health.report(dataset_id))


@router.get("/{id}/health/{check}/rows", summary="Rows that a check found", responses=NOT_FOUND | CONFLICT)
def show_found_rows(dataset_id: NamedId, check: CheckName, offset: Offset = 0, limit: Page = 20) -> FoundRowsAnswer:
    """The rows that a check found, with their places."""
    found_rows = health.rows(dataset_id, check, offset, limit)
    return FoundRowsAnswer(rows=[FoundRow.model_validate(row) for row in found_rows], offset=offset)


@router.post(
    "/{id}/health/{check}/fix",
    status_code=201,
    summary="Fix what a check found",
    response_model=DatasetAnswer,
    responses=NOT_FOUND | CONFLICT,
)
def fix_finding(dataset_id: NamedId, check: CheckName, body: FixBody) -> Dataset:
    """Begins the next version of the dataset, with the found rows dropped or their texts changed."""
    return health.fix(dataset_id, check, body.positions)


@router.post("/{id}/health/{check}/ignore", summary="Ignore what a check found", responses=NOT_FOUND)
def ignore_finding(dataset_id: NamedId, check: CheckName, body: IgnoreBody) -> HealthAnswer:
    """Leaves the finding out of the score of this dataset, or counts it again."""
    health_choices.ignore(dataset_id, check, body.ignored)
    return _told(health.report(dataset_id))


@router.get("/{id}/search", summary="Search in rows", responses=NOT_FOUND | CONFLICT)
def search_rows(dataset_id: NamedId, q: Sought, offset: Offset = 0, limit: Page = 20) -> SearchAnswer:
    """Rows that have all the words, in any of their texts."""
    return SearchAnswer.model_validate(search.search(dataset_id, q, offset, limit))


@router.get("/{id}/statistics", summary="Statistics of a dataset", responses=NOT_FOUND | CONFLICT)
def show_statistics(dataset_id: NamedId) -> StatisticsAnswer:
    """TextLengths, turns, roles and languages. They come with the checks of its health."""
    statistics = health.report(dataset_id).statistics
    if statistics is None:
        raise ConflictError("This dataset has not been looked at yet.", "POST its health, and wait until it succeeds.")
    return StatisticsAnswer.model_validate(statistics)


def _told(report: health.Report) -> HealthAnswer:
    work = report.work
    return HealthAnswer(
        status=work.status.value if work else "none",
        progress=work.progress if work else None,
        stage=work.stage if work else "",
        error=work.error if work else None,
        against=[other.id for other in report.against],
        score=report.score,
        findings=[_finding(part) for part in report.parts],
    )


def _finding(part: Part) -> Finding:
    check = CHECKS[part.check]
    return Finding(
        check=part.check,
        title=check.title,
        means=check.means,
        found=part.found,
        share=part.share,
        points=part.points,
        weight=check.weight,
        ignored=part.ignored,
        applies=part.applies,
        note=part.note,
        details=part.details,
        fix=check.fix,
    )
