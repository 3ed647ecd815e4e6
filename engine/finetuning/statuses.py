"""Where a job is, in OpenAI's words, from what was asked of it and where its run is. Pure."""

import time
from typing import Any

from storage.statuses import RunStatus
from storage.tables import Run, TuningJob

ENDED = ("succeeded", "failed", "cancelled")
WAITED_SECONDS = 60  # for an interrupted run to be taken up again by itself
_OF_RUN = {
    RunStatus.QUEUED: "queued",
    RunStatus.STARTING: "running",
    RunStatus.RUNNING: "running",
    RunStatus.STOPPING: "running",
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.STOPPED: "cancelled",  # by a person, on the Runs page
}


def status(job: TuningJob, run: Run | None) -> str:
    """validating_files, queued, running, paused, succeeded, failed or cancelled.

    What was asked counts at once. A run that reaches its end before it can rest has reached its end.
    """
    if job.stage in ("failed", "cancelled") or job.asked == "cancel":
        return "failed" if job.stage == "failed" else "cancelled"
    if job.stage == "validating":
        return "paused" if job.asked in ("pause", "paused") else "validating_files"
    if run is None:  # deleted
        return "cancelled"
    if run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
        return _OF_RUN[run.status]
    return _asked(job, run) or _plain(run)


def _asked(job: TuningJob, run: Run) -> str | None:
    is_held = run.status in (RunStatus.STOPPED, RunStatus.INTERRUPTED)
    if job.asked == "pause" or (job.asked == "paused" and is_held):
        return "paused"
    return "queued" if job.asked == "resume" and is_held else None


def _plain(run: Run) -> str:
    if run.status == RunStatus.INTERRUPTED:
        return "failed" if is_given_up(run) else "running"
    return _OF_RUN[run.status]


def is_given_up(run: Run) -> bool:
    """Whether an interrupted run was not taken up again by itself."""
    return run.status == RunStatus.INTERRUPTED and time.time() - run.moved_at > WAITED_SECONDS


def ended_at(job: TuningJob, run: Run | None) -> float | None:
    """When it came to its end; None before."""
    if status(job, run) not in ENDED:
        return None
    return job.ended_at or (run.ended_at if run is not None else None)


def error(job: TuningJob, run: Run | None) -> dict[str, Any] | None:
    """Why it failed, as {"code", "message", "param"}; None when it did not."""
    if status(job, run) != "failed":
        return None
    if job.error is not None or run is None:
        return job.error
    words = f"{run.error or 'The training failed and gave no reason.'} {run.hint or ''}".strip()
    return {"code": "training_failed", "message": words, "param": None}
