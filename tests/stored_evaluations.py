"""Evaluations written into the studio's database, for its lists and pages to show."""

from typing import Any

from storage import db
from storage.statuses import WorkStatus
from storage.tables import Evaluation
from tests import fixed_reports


def add(name: str, subject: str = "run:a", against: str = "model:m", **fields: Any) -> Evaluation:
    """One that is done and says better; `fields` are what a test wants otherwise."""
    given: dict[str, Any] = {"status": WorkStatus.SUCCEEDED, "result": fixed_reports.BETTER, **fields}
    row = Evaluation(project_id="default", name=name, subject=subject, against=against, **given)
    with db.session() as session:
        session.add(row)
    return row


def report_on(run_id: str, name: str = "report", **fields: Any) -> Evaluation:
    """The report on a run, against its base."""
    return add(name, f"run:{run_id}", "model:m1", run_id=run_id, **fields)
