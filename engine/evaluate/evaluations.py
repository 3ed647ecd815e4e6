"""Evaluations: two models on the same rows. queued -> running -> succeeded | failed | stopped.

A report on a run is one too (engine.evaluate.reports). They wait in a line of their own, behind every training: see
engine.evaluate.line, which begins them and takes in what they found.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import names
from engine.data import datasets
from engine.errors import ConflictError, RefusedError
from engine.evaluate import shape
from engine.existing import existing
from engine.process import work
from engine.subjects import named
from engine.subjects.named import Named
from storage import db
from storage import evaluations as stored
from storage.evaluations import Filter
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import DEFAULT_PROJECT, Evaluation, Project, Run

KINDS = ("report",)  # judges and public benchmarks will be others
KEPT_TAGS, LONGEST_TAG = 20, 40


@dataclass(frozen=True)
class Wanted:
    """What is compared, and on which rows. `against` left out: what the subject's training began with.

    `dataset_id` left out: the rows that the subject's run held out. `limit` left out: as many rows as a bounded time
    allows; `all_rows` takes every one.
    """

    name: str
    subject: str
    kind: str = "report"
    against: str | None = None
    dataset_id: str | None = None
    limit: int | None = None
    all_rows: bool = False
    seed: int = 0
    project_id: str = DEFAULT_PROJECT
    tags: tuple[str, ...] = ()


def create(request: Wanted) -> Evaluation:
    """Puts an evaluation in the line. Raises NotFoundError; RefusedError, ConflictError for what cannot be compared."""
    if request.kind not in KINDS:
        raise RefusedError(f"There is no evaluation of the kind `{request.kind:.40}`.", f"Use {', '.join(KINDS)}.")
    subject = named.find(request.subject)
    against = named.find(request.against or began_with(subject))
    refuse(subject, against, request.dataset_id)
    row = Evaluation(
        **{field: getattr(request, field) for field in ("kind", "dataset_id", "limit", "all_rows", "seed")},
        name=names.checked(request.name, "evaluation"),
        project_id=request.project_id,
        subject=subject.name,
        against=against.name,
        tags=checked_tags(request.tags),
    )
    with db.session() as session:
        existing(session, Project, request.project_id)
        session.add(row)
    return row


def began_with(subject: Named) -> str:
    """The name of what a run's training began with: its base, or the run that it was trained further from."""
    if subject.run is None:
        hint = "Say in `against` what it is compared with: model:ID or run:ID."
        raise RefusedError(f"`{subject.name}` was not trained here, so there is nothing to compare it with.", hint)
    with db.reading() as session:
        start = session.get(Run, str(subject.run.recipe.get("start_from") or ""))
    return f"run:{start.id}" if start is not None else f"model:{subject.run.model_id}"


def refuse(subject: Named, against: Named, dataset_id: str | None) -> None:
    """Raises RefusedError, NotFoundError or ConflictError when the two cannot be compared on such rows."""
    if subject.name == against.name:
        raise RefusedError(f"`{subject.name}` cannot be compared with itself.", "Choose another `against`.")
    _refuse_unlike(subject, against)
    if dataset_id is not None:
        dataset = datasets.look_up(dataset_id)
        if dataset.status != DatasetStatus.READY:
            raise ConflictError(f"Dataset `{dataset.name}` is {dataset.status}.", "Wait until it is ready.")
    elif subject.run is None:
        message = f"`{subject.title}` was not trained here, so no rows were held out for it."
        raise RefusedError(message, "Choose a dataset in `dataset_id`.")


def _refuse_unlike(subject: Named, against: Named) -> None:
    """Raises RefusedError for a reward model and something else. A model without a head may stand against one: it gets
    a new head, as it had at the start of such a training; an adapter that was trained to write cannot have one."""
    if against.scores and not subject.scores:
        message = f"`{against.title}` is a reward model: it gives scores, and `{subject.title}` gives answers."
        raise RefusedError(message, "Compare two reward models, or two models that answer.")
    if subject.scores and not against.scores and against.adapter is not None:
        message = f"`{subject.title}` is a reward model: it gives scores, and `{against.title}` gives answers."
        raise RefusedError(message, "Compare it with its base model, or with another reward model.")


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Tags as they are kept: each once. Raises RefusedError for too many or too long ones."""
    kept = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(kept) > KEPT_TAGS or any(len(tag) > LONGEST_TAG or '"' in tag or not tag.isprintable() for tag in kept):
        hint = f"Use up to {KEPT_TAGS} tags of at most {LONGEST_TAG} characters, without quotation marks."
        raise RefusedError("These tags are not allowed.", hint)
    return kept


def tag(evaluation_id: str, tags: Sequence[str]) -> Evaluation:
    """Gives it these tags and no others. Raises NotFoundError, RefusedError."""
    kept = checked_tags(tags)
    with db.session() as session:
        row = existing(session, Evaluation, evaluation_id)
        row.tags = kept
    return row


def look_up(evaluation_id: str) -> Evaluation:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Evaluation, evaluation_id)


def recent(filters: Filter | None = None, limit: int = 100, offset: int = 0) -> tuple[Sequence[Evaluation], int]:
    """The newest first, and how many there are in all."""
    filters = filters or Filter()
    with db.reading() as session:
        return stored.recent(session, filters, limit, offset), stored.count(session, filters)


def result(evaluation: Evaluation) -> dict[str, Any]:
    """What was found, or how far it is, in the one shape of every report (engine.evaluate.shape)."""
    with db.reading() as session:
        reports = stored.counts_of_runs(session, [evaluation.run_id])
    return shape.of(evaluation, reports.get(evaluation.run_id, 0))


def describe(evaluation: Evaluation) -> dict[str, Any]:
    """The row as REST answers it, with its result."""
    return describe_all([evaluation])[0]


def describe_all(rows: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """The same of several."""
    with db.reading() as session:
        reports = stored.counts_of_runs(session, [row.run_id for row in rows])
    return [_described(row, shape.of(row, reports.get(row.run_id, 0))) for row in rows]


def _described(evaluation: Evaluation, measured: dict[str, Any]) -> dict[str, Any]:
    fields = ("id", "project_id", "name", "kind", "subject", "against", "dataset_id", "limit", "all_rows", "seed",
              "run_id", "tags", "status", "error", "hint", "created_at", "ended_at")  # fmt: skip
    described = {field: getattr(evaluation, field) for field in fields}
    return {**described, "progress": measured["progress"], "stage": measured["stage"], "result": measured}


def stop(evaluation_id: str) -> Evaluation:
    """Ends it. Answers that were written to their end are kept for the next one. Raises NotFoundError."""
    with db.session() as session:
        row = existing(session, Evaluation, evaluation_id)
        if row.status not in WORK_MOVING:
            return row
        end_early(row)
    work.forget_subject(row.id)
    return row


def end_early(row: Evaluation) -> None:
    """Marks one on its way as stopped, in the caller's transaction."""
    row.status, row.ended_at = WorkStatus.STOPPED, time.time()
    row.error, row.hint = "It was stopped.", "Start it again: it continues with the answers it already has."


def is_first(reports: Sequence[Evaluation], row: Evaluation) -> bool:
    """Whether it is the first of a run's reports that came to its end."""
    return next((report.id for report in reports if report.status == WorkStatus.SUCCEEDED), None) == row.id
