"""Runs that are deleted: hidden at once, with exports and reports; rows and files go when the time to undo is over.

    there ──▶ hidden (deleted_at) ──▶ gone
      ▲            │ undone within UNDO_SECONDS
      └────────────┘

A kill between the two loses nothing: the mark is in the database, and the next life goes on from it.
"""

import time
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from engine import deleted
from engine.errors import ConflictError
from engine.evaluate import reports
from engine.existing import refuse_held
from engine.process import logs, trash, work
from engine.recipes import auxiliary_models, continuation
from engine.runs import tracking
from engine.serve import adapter_names
from storage import db, endpoints, evaluations, exports, home, runs, uses
from storage.run_lists import hiding, undo
from storage.statuses import RUN_MOVING, WORK_MOVING, WorkStatus
from storage.tables import Run

UNDO_SECONDS = deleted.UNDO_SECONDS


def refuse(session: Session, run: Run) -> None:
    """Raises ConflictError while it moves, is served, is being merged, is trained from, or a version holds it."""
    if run.status in RUN_MOVING:
        raise ConflictError(f"The run `{run.name}` is {run.status.value}.", "Stop it first.")
    refuse_held(session, run, f"The run `{run.name}`")
    if users := auxiliary_models.runs_asking(session, run.id):
        message = f"The run `{users[0].name}` uses the result of `{run.name}` while it trains."
        raise ConflictError(message, "Stop that run first.")
    if continuation.is_needed(session, run):
        message = f"A training that starts from the run `{run.name}` is waiting or running."
        raise ConflictError(message, "Wait for its end, or stop it first.")
    if any(run.id in adapter_names.run_ids(backend.adapters) for backend in endpoints.moving(session)):
        raise ConflictError(f"An endpoint serves the run `{run.name}`.", "Stop the endpoint first.")
    if name := _serving_its_export(session, run.id):
        message = f"The endpoint `{name}` serves a model that was exported from the run `{run.name}`."
        raise ConflictError(message, "Stop that endpoint first.")
    if exports.is_being_made(session, run.id):
        message = f"The run `{run.name}` is being merged with its base."
        raise ConflictError(message, "Wait until the export has ended, or delete it.")


def _serving_its_export(session: Session, run_id: str) -> str | None:
    """An endpoint that serves a file or a model which goes with the run."""
    served = uses.serving_exports(session)
    own = {export.id for export in exports.by_ids(session, served) if export.run_id == run_id}
    return next((pairs[0][0].name for export_id, pairs in served.items() if export_id in own), None)


def need_a_look(session: Session, run_ids: Sequence[str]) -> set[str]:
    """Those of many runs that `refuse` may refuse or that have a report on its way, by a few queries for all."""
    named = {value for run in runs.moving(session) for value in run.recipe.values() if isinstance(value, str)}
    served = {one for backend in endpoints.moving(session) for one in adapter_names.run_ids(backend.adapters)}
    served |= {export.run_id for export in exports.by_ids(session, uses.serving_exports(session))}
    return hiding.held(session, run_ids) | ((named | served) & set(run_ids))


def mark(
    session: Session, run: Run, at: float | None = None, has_report: bool = True
) -> tuple[dict[str, list[Any]], list[str]]:
    """Hides a run in the caller's transaction: what changed, for the undo, and the reports that were on their way.

    `at`: from when on the time to undo counts, if not from now. `has_report`: whether one may be on its way.
    """
    of_run = evaluations.of_run(session, run.id) if has_report else ()
    stopped = [report for report in of_run if report.status in WORK_MOVING]
    for report in stopped:
        report.status, report.ended_at, report.error = WorkStatus.STOPPED, time.time(), "Its run was deleted."
        report.hint = "Ask for it again."
    now = at or time.time()
    before: dict[str, list[Any]] = {"deleted_at": [None, now], "idempotency_key": [run.idempotency_key, None]}
    run.deleted_at, run.idempotency_key = now, None  # the same key begins a new run from now on
    return before, [report.id for report in stopped]


def end_reports(report_ids: list[str]) -> None:
    """Ends what is at work for reports that were stopped, after the transaction."""
    reports.end(report_ids)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    over = time.time() - UNDO_SECONDS - deleted.LATER_SECONDS
    with db.reading() as session:
        due = [run.id for run in hiding.due(session, over)]
        has_old = undo.has_old(session, over)
    for run_id in due:
        with logs.kept_going("runs", run_id):
            _remove(run_id, over)
    if has_old:
        with db.session() as session:
            undo.drop_old(session, over)


def _remove(run_id: str, over: float) -> None:
    """Rows first: a kill after that leaves a folder that nobody knows, which the sweeper takes away."""
    with db.session() as session:
        run = session.get(Run, run_id, execution_options=hiding.SEEING)
        if run is None or run.deleted_at is None or run.deleted_at >= over:
            return
        report_ids = hiding.drop(session, [run_id])
    work.forget_subject(run_id)
    reports.end(report_ids)
    tracking.end(run_id)
    trash.discard(home.run_folder(run_id))
