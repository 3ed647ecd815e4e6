"""Reports on runs over REST: whether the training helped, and how sure that is."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from engine.evaluate import reports

router = APIRouter(prefix="/runs", tags=["evaluations"])


class MetricAnswer(Answer):
    name: str = Field(description="The measure, such as exact_match.")
    title: str = Field(description="What people call it.")
    better: str = Field(description="higher, lower, or neither.")
    base: float | None = Field(description="The mean before the training (of `against`).")
    tuned: float | None = Field(description="The mean after it (of `subject`).")
    difference: float | None = Field(description="tuned less base.")
    low: float | None = Field(description="The lower end of the 95 % interval of the difference.")
    high: float | None = Field(description="The upper end.")
    p: float | None = Field(description="How often chance alone gives such a difference, before any adjustment.")
    verdict: str | None = Field(
        description="better, no_proof or worse; after Holm's adjustment but for the primary; null: neither is better."
    )
    rows: int = Field(description="Rows that were compared.")


class ReportAnswer(Answer):
    status: str = Field(description="queued, running, succeeded or failed.")
    verdict: str | None = Field(description="better, no_proof or worse, from `primary` alone; null until it is done.")
    sentence: str = Field(description="The same in words.")
    but_worse: list[str] = Field(description="Other measures that got worse, for certain (Holm's adjustment).")
    primary: str | None = Field(description="The one measure that decides, named before the start.")
    rows: int = Field(description="Rows that were asked.")
    clusters: int = Field(description="Conversations or families among them: what an interval draws again.")
    seed: int = Field(description="The same seed gives the same result.")
    metrics: list[MetricAnswer] = Field(description="Every measure, the primary one first.")
    worse_rows: list[dict[str, Any]] = Field(
        description="Rows that got worse: row, prompt, expected, base, tuned, base_score, tuned_score."
    )
    subject: str | None = Field(description="What was trained.")
    against: str | None = Field(description="What it is compared with.")
    subject_title: str = Field(description="Its name.")
    against_title: str = Field(description="Its name.")
    dataset_id: str | None = Field(description="The dataset of the rows.")
    dataset_name: str | None = Field(description="Its name.")
    part: str | None = Field(description="test, eval, or own (a dataset of its own); none where no row was held out.")
    chose_checkpoint: bool = Field(description="Whether these rows also chose the checkpoint.")
    rows_to_decide: int | None = Field(description="About how many rows would decide; null where it is decided.")
    leakage: dict[str, Any] | None = Field(description="Rows that were learnt: exact, near; of how many checked.")
    skills: dict[str, Any] | None = Field(description="A small check of general skill: what was forgotten.")
    truncated: int = Field(description="Answers of either side that were cut at the longest length.")
    left_out: int = Field(description="Rows that could not be asked.")
    left_out_why: dict[str, int] = Field(description="Why, with how many.")
    all_rows: int = Field(description="How many rows there are.")
    longest_answer: int | None = Field(description="Tokens that an answer may have.")
    estimated_seconds: float | None = Field(description="How long it takes, as estimated before.")
    seconds: float | None = Field(description="How long it took.")
    answers_per_second: float | None = Field(description="How fast answers were written; null where all were kept.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is being done.")
    notes: list[str] = Field(description="What there is to know beside.")
    error: str | None = Field(description="Why there is none.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float | None = Field(description="Seconds since 1970, UTC.")
    reports: int = Field(description="How many reports there are on this run; the first one counts.")
    evaluation_id: str | None = Field(description="The evaluation it comes from.")


class AgainBody(Body):
    all_rows: bool = Field(default=False, description="On every row, however long that takes.")


@router.get("/{id}/report", summary="Show the report on a run", responses=NOT_FOUND | CONFLICT)
def show_report(
    run_id: NamedId, first: Annotated[bool, Query(description="The first one, which counts, not the newest.")] = False
) -> ReportAnswer:
    """Whether the training helped, and how sure that is. 409 for a run that has not succeeded."""
    report = reports.of_run(run_id)
    return ReportAnswer.model_validate((reports.first_of(run_id) or report) if first else report)


@router.post("/{id}/report", status_code=202, summary="Write a report again", responses=NOT_FOUND | CONFLICT)
def write_report(run_id: NamedId, body: AgainBody | None = None) -> ReportAnswer:
    """Asks for another report on a run; the one under way is given instead. All of them are kept."""
    return ReportAnswer.model_validate(reports.again(run_id, (body or AgainBody()).all_rows))
