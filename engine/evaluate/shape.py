"""The one shape of what a report says, complete whatever has become of it: see docs/guide/report.md."""

from typing import Any

from engine.errors import NotFoundError
from engine.process import work
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Evaluation, Work

# Every key there is, with its value while nothing has been found.
EMPTY: dict[str, Any] = {
    "status": "queued",
    "verdict": None,  # better | no_proof | worse
    "sentence": "",
    "but_worse": [],
    "primary": None,
    "rows": 0,
    "clusters": 0,  # conversations and families: what is drawn again for an interval
    "seed": 0,
    "metrics": [],
    "worse_rows": [],
    "subject": None,
    "against": None,
    "subject_title": "",
    "against_title": "",
    "dataset_id": None,
    "dataset_name": None,
    "part": None,  # test | eval | own | none
    "chose_checkpoint": False,
    "rows_to_decide": None,
    "leakage": None,  # {exact, near, checked}
    "skills": None,
    "truncated": 0,  # answers that were cut at the longest length
    "left_out": 0,  # rows that could not be asked
    "left_out_why": {},
    "all_rows": 0,  # that there are
    "longest_answer": None,  # tokens that an answer may have
    "estimated_seconds": None,
    "seconds": None,
    "answers_per_second": None,
    "progress": None,
    "stage": "",
    "notes": [],
    "error": None,
    "hint": None,
    "created_at": None,
    "reports": 0,
    "evaluation_id": None,
}
SHOWN = {WorkStatus.STOPPED: "failed"}  # a report has four statuses; one that was stopped has an error that says so


def of(evaluation: Evaluation, reports: int = 0) -> dict[str, Any]:
    """What an evaluation has found, or how far it is. `reports`: how many there are on the same run."""
    how_far, stage = progress(evaluation)
    own = {name: getattr(evaluation, name) for name in ("subject", "against", "dataset_id", "seed", "error", "hint")}
    return {
        **EMPTY,
        **own,
        **evaluation.result,
        "status": SHOWN.get(evaluation.status, evaluation.status.value),
        "progress": how_far,
        "stage": stage,
        "created_at": evaluation.created_at,
        "reports": reports,
        "evaluation_id": evaluation.id,
    }


def missing(subject: str, error: str, hint: str) -> dict[str, Any]:
    """Of a run that has no report."""
    return {**EMPTY, "status": "failed", "subject": subject, "error": error, "hint": hint}


def progress(evaluation: Evaluation) -> tuple[float | None, str]:
    """How far it is (0 to 1), and what is being done."""
    if evaluation.status == WorkStatus.QUEUED:
        return None, "waiting until no training needs the device"
    if evaluation.status not in WORK_MOVING or (doing := _work(evaluation)) is None:
        return None, ""
    return doing.progress, doing.stage


def _work(evaluation: Evaluation) -> Work | None:
    try:
        return work.look_up(evaluation.work_id or "none")
    except NotFoundError:
        return None
