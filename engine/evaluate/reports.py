"""Reports on runs: written by themselves after every run that has succeeded, and again when somebody asks.

All of them are kept. The first that came to its end is the one that counts (`first_of`): whoever asks again and again
until chance says "better" proves nothing.
"""

from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError
from engine.evaluate import shape
from engine.existing import existing
from engine.process import work
from storage import db
from storage import evaluations as stored
from storage.settings import settings
from storage.statuses import WORK_MOVING, RunStatus, WorkStatus
from storage.tables import Evaluation, Run, RunFacts

NONE_YET = "There is no report on this run."


def plan(session: Session, run: Run) -> None:
    """Puts the report on a run that has just succeeded in the line, in the caller's transaction."""
    if settings().reports and run.artifact and not run.facts.trial_of:
        session.add(_report(session, run))


def _report(session: Session, run: Run, all_rows: bool = False) -> Evaluation:
    start_from = str(run.recipe.get("start_from") or "")
    began_with_run = bool(start_from) and session.get(Run, start_from) is not None
    return Evaluation(
        project_id=run.project_id,
        run_id=run.id,
        name=run.name,
        subject=f"run:{run.id}",
        against=f"run:{start_from}" if began_with_run else f"model:{run.model_id}",
        dataset_id=run.facts.report_dataset_id,
        all_rows=all_rows,
    )


def of_run(run_id: str) -> dict[str, Any]:
    """The newest report on a run, in the shape of engine.evaluate.shape; also where there is none, with the reason.

    Raises NotFoundError; ConflictError for a run that has not succeeded.
    """
    with db.reading() as session:
        run = _succeeded(session, run_id)
        reports = stored.of_run(session, run.id)
    if not reports:
        hint = "Request one with POST /api/runs/ID/report, or with the button on the run's page."
        return shape.missing(f"run:{run.id}", f"{NONE_YET} {_why_none(run)}", hint)
    return shape.of(reports[-1], len(reports))


def _why_none(run: Run) -> str:
    if run.facts.trial_of:
        return "It was a trial of a sweep."
    return "It ended before reports were written automatically, or TUNESMITH_REPORTS was off."


def again(run_id: str, all_rows: bool = False) -> dict[str, Any]:
    """Asks for another report; the one that is on its way is given instead. `all_rows`: on every row there is.

    Raises NotFoundError; ConflictError for a run that has not succeeded.
    """
    with db.session() as session:
        run = _succeeded(session, run_id)
        reports = stored.of_run(session, run.id)
        moving = next((report for report in reports if report.status in WORK_MOVING), None)
        if moving is None:
            moving = _report(session, run, all_rows)
            session.add(moving)
    return shape.of(moving, len({*(report.id for report in reports), moving.id}))


def is_waiting(run_id: str) -> bool:
    """Whether a report on the run is in the line and has not begun."""
    return any(report.status == WorkStatus.QUEUED for report in log_of(run_id))


def judge_by(run_id: str, dataset_id: str) -> None:
    """Has reports on a run that have not begun, and later ones, ask the rows of a dataset of its own."""
    with db.session() as session:
        run = existing(session, Run, run_id)
        run.facts = run.facts.merged(RunFacts(report_dataset_id=dataset_id))
        for report in stored.of_run(session, run_id):
            if report.status == WorkStatus.QUEUED:
                report.dataset_id = dataset_id


def first_of(run_id: str) -> dict[str, Any] | None:
    """The first report that came to its end, which a gate reads; None where there is none."""
    with db.reading() as session:
        reports = stored.of_run(session, run_id)
    first = next((report for report in reports if report.status == WorkStatus.SUCCEEDED), None)
    return shape.of(first, len(reports)) if first else None


def log_of(run_id: str) -> list[Evaluation]:
    """Every report on a run, the first one first."""
    with db.reading() as session:
        return list(stored.of_run(session, run_id))


def end(evaluation_ids: list[str]) -> None:
    """Ends what is still at work for reports that were forgotten."""
    for evaluation_id in evaluation_ids:
        work.forget_subject(evaluation_id)


def _succeeded(session: Session, run_id: str) -> Run:
    run = existing(session, Run, run_id)
    if run.status != RunStatus.SUCCEEDED:
        message = f"The run `{run.name}` has not succeeded ({run.status.value}), so there is nothing to report on."
        raise ConflictError(message, "Wait for its end, or resume it.")
    return run
