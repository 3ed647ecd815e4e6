"""Jobs of /v1/fine_tuning."""

from collections.abc import Mapping, Sequence

from sqlalchemy import or_
from sqlmodel import Session, col, select

from storage.statuses import RunStatus
from storage.tables import Dataset, Run, TuningJob

MOST_OFFERED = 1000


def get(session: Session, job_id: str) -> TuningJob | None:
    return session.get(TuningJob, job_id)


def by_key(session: Session, key: str) -> TuningJob | None:
    return session.exec(select(TuningJob).where(TuningJob.idempotency_key == key)).first()


def by_model_name(session: Session, name: str) -> TuningJob | None:
    """The job whose result /v1 calls so."""
    return session.exec(select(TuningJob).where(TuningJob.model_name == name)).first()


def listed(
    session: Session, limit: int, after: TuningJob | None = None, labels: Mapping[str, str] | None = None
) -> Sequence[TuningJob]:
    """Jobs, the newest first, from the one after `after` on; with all of these labels, where some are given."""
    query = select(TuningJob)
    at, job_id = col(TuningJob.created_at), col(TuningJob.id)
    if after is not None:
        query = query.where(or_(at < after.created_at, (at == after.created_at) & (job_id < after.id)))
    for name, value in (labels or {}).items():
        query = query.where(col(TuningJob.labels)[name].as_string() == value)
    return session.exec(query.order_by(at.desc(), job_id.desc()).limit(limit)).all()


def to_move(session: Session) -> Sequence[str]:
    """Ids of those that wait for their files, or of which something was asked, the oldest first."""
    unfinished = or_(col(TuningJob.stage) == "validating", col(TuningJob.asked) != "")
    return session.exec(select(TuningJob.id).where(unfinished).order_by(col(TuningJob.created_at))).all()


def runs_of(session: Session, jobs: Sequence[TuningJob]) -> dict[str, Run]:
    """Run id -> run, of the runs that are there."""
    run_ids = {job.run_id for job in jobs if job.run_id}
    return {run.id: run for run in session.exec(select(Run).where(col(Run.id).in_(run_ids)))}


def joined_for(session: Session, job_id: str) -> Dataset | None:
    """The dataset of both files that was made for a job."""
    return session.exec(select(Dataset).where(col(Dataset.origin)["job"].as_string() == job_id)).first()


def offered(session: Session) -> Sequence[tuple[str, float]]:
    """What the newest jobs that succeeded have left: its name on /v1, and when the job was made."""
    query = select(TuningJob.model_name, TuningJob.created_at).where(
        col(TuningJob.run_id) == Run.id,
        TuningJob.stage == "started",
        Run.status == RunStatus.SUCCEEDED,
        col(Run.artifact).is_not(None),
    )
    return session.exec(query.order_by(col(TuningJob.created_at).desc()).limit(MOST_OFFERED)).all()
