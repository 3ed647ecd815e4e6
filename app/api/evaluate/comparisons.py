"""Evaluations over REST: any two models or runs, compared on the same rows."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, Answer, Body, Limit, Name, Offset, PathId, ProjectFilter, RowId, total
from app.api import undo
from app.api.evaluate.reports import ReportAnswer
from engine.evaluate import asked_rows, deleting, evaluations
from engine.evaluate.asked_rows import MOST_SEARCHED, Change
from engine.evaluate.evaluations import Wanted
from engine.subjects.subject import LONGEST
from storage.evaluations import Filter
from storage.statuses import WorkStatus
from storage.tables import DEFAULT_PROJECT

router = APIRouter(prefix="/evaluations", tags=["evaluations"])
Subject = Annotated[
    str, Field(min_length=1, max_length=LONGEST, description="model:ID, run:ID, or run:ID@STEP for a checkpoint.")
]
Tags = Annotated[list[str], Field(max_length=20, description="Words to find it by.")]


class EvaluationBody(Body):
    name: Name = Field(description="What lists show.")
    kind: Literal["report"] = Field(default="report", description="report: the measures that the data calls for.")
    subject: Subject
    against: Subject | None = Field(default=None, description="The same; what the training began with when left out.")
    dataset_id: RowId | None = Field(default=None, description="Its rows; those that the run held out when left out.")
    limit: int | None = Field(default=None, ge=1, le=100_000, description="Rows at most; as time allows when left out.")
    all_rows: bool = Field(default=False, description="Every row, however long that takes.")
    seed: int = Field(default=0, ge=0, le=LARGEST, description="Decides which rows, and the intervals.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it belongs to.")
    tags: Tags = Field(default=[], max_length=20, description="Words to find it by.")


class TagsBody(Body):
    tags: Tags


class EvaluationAnswer(Answer):
    id: str = Field(description="The evaluation's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What lists show.")
    kind: str = Field(description="report.")
    subject: str = Field(description="What is judged.")
    against: str = Field(description="What it is compared with.")
    dataset_id: str | None = Field(description="The dataset of the rows; null: held out by the subject's run.")
    limit: int | None = Field(description="Rows at most.")
    all_rows: bool = Field(description="Whether every row was wanted.")
    seed: int = Field(description="The seed.")
    run_id: str | None = Field(description="The run whose report this is; null for what a person asked for.")
    tags: list[str] = Field(description="Words to find it by.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is being done.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    ended_at: float | None = Field(description="When it was over.")
    result: ReportAnswer = Field(description="What was found, in the shape of a run's report.")


class RowAnswer(Answer):
    row: int = Field(description="Its number in the source, from 1.")
    prompt: str = Field(description="What was asked.")
    expected: str = Field(description="What was expected.")
    base: str = Field(description="What the base answered.")
    tuned: str = Field(description="What the tuned model answered.")
    base_score: float | None = Field(description="By what decides; null where the row has no score.")
    tuned_score: float | None = Field(description="The same of the tuned model.")


@router.post("", status_code=201, summary="Compare two models", responses=NOT_FOUND | CONFLICT)
def create_evaluation(body: EvaluationBody) -> EvaluationAnswer:
    """Puts an evaluation in the line, behind every training; GET /api/evaluations/{id} follows it."""
    values: dict[str, Any] = body.model_dump() | {"tags": tuple(body.tags)}
    return _answer(evaluations.create(Wanted(**values)))


@router.get("", summary="List evaluations")
def list_evaluations(
    response: Response,
    project_id: ProjectFilter = None,
    search: Annotated[str, Query(max_length=120, description="Words in the name or in what is compared.")] = "",
    tag: Annotated[str, Query(max_length=40, description="Only those with this tag.")] = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> list[EvaluationAnswer]:
    """The evaluations with their results, newest first. `X-Total-Count` says how many there are."""
    rows, count = evaluations.recent(Filter(project_id, search, tag), limit, offset)
    total(response, count)
    return [EvaluationAnswer.model_validate(row) for row in evaluations.describe_all(rows)]


@router.get("/{id}", summary="Show an evaluation", responses=NOT_FOUND)
def show_evaluation(evaluation_id: PathId) -> EvaluationAnswer:
    """How far it is, and what was found."""
    return _answer(evaluations.look_up(evaluation_id))


@router.get("/{id}/rows", summary="Rows of an evaluation", responses=NOT_FOUND)
def list_evaluation_rows(
    evaluation_id: PathId,
    response: Response,
    change: Annotated[Change, Query(description="all, worse, better or same, by what decides.")] = "all",
    search: Annotated[str, Query(max_length=MOST_SEARCHED, description="Words in any text of a row.")] = "",
    offset: Offset = 0,
    limit: Limit = 20,
) -> list[RowAnswer]:
    """Every row that was asked with both answers, those that lost most first. `X-Total-Count` says how many there are.

    Empty while the evaluation is not done."""
    page = asked_rows.page(evaluations.look_up(evaluation_id), change, search, offset, limit)
    total(response, page.total)
    return [RowAnswer.model_validate(row) for row in page.rows]


@router.patch("/{id}", summary="Tag an evaluation", responses=NOT_FOUND)
def tag_evaluation(evaluation_id: PathId, body: TagsBody) -> EvaluationAnswer:
    """Gives it these tags and no others."""
    return _answer(evaluations.tag(evaluation_id, body.tags))


@router.post("/{id}/stop", summary="Stop an evaluation", responses=NOT_FOUND)
def stop_evaluation(evaluation_id: PathId) -> EvaluationAnswer:
    """Ends it. Answers that were written are kept: asked for again, it goes on with them."""
    return _answer(evaluations.stop(evaluation_id))


@router.delete("/{id}", status_code=204, summary="Delete an evaluation", responses=NOT_FOUND | CONFLICT)
def delete_evaluation(evaluation_id: PathId, response: Response) -> None:
    """Ends it and forgets what it found. 409 for the first report on a run: it goes with the run.

    For 30 seconds `POST /api/evaluations/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    undo.offer(response, deleting.delete(evaluation_id))


def _answer(evaluation: Any) -> EvaluationAnswer:
    return EvaluationAnswer.model_validate(evaluations.describe(evaluation))
