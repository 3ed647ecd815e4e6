"""Runs that start after another run. What a run waits for is written down when the other one moves, never looked up.

So a thousand runs behind one cost a tick nothing: those that may not start yet are not in the part of the index that
it reads. `hold` says why a queued run may not start: "" it may, once a device is free.
"""

from sqlalchemy import literal, update
from sqlmodel import Session, col, select

from storage.statuses import RUN_MOVING, DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run

AFTER, BLOCKED = "after", "blocked"  # it waits for the end of the other run; that has ended, and not well
DATASET, MODEL = "dataset", "model"  # not ready: imported, or fetched, at this moment


def hold_after(status: RunStatus | None, only_if_succeeded: bool) -> str:
    """What the state of the other run means for one that starts after it. None: it was deleted."""
    if status in RUN_MOVING:
        return AFTER
    return BLOCKED if only_if_succeeded and status != RunStatus.SUCCEEDED else ""


def hold_of(session: Session, after_run_id: str | None, after_success: bool) -> str:
    """The same for a run that starts after another one, which may be gone, or after none."""
    if after_run_id is None:
        return ""
    status = session.exec(select(Run.status).where(Run.id == after_run_id)).first()
    return hold_after(RunStatus(status) if status else None, after_success)


def moved(session: Session, run_id: str, before: RunStatus, after: RunStatus) -> None:
    """A run has come to its end, or is back in the queue: those that start after it learn of it."""
    if (before in RUN_MOVING) == (after in RUN_MOVING):
        return
    for only_if_succeeded in (True, False):
        waiting = (
            Run.after_run_id == run_id,
            Run.status == RunStatus.QUEUED,
            col(Run.after_success).is_(only_if_succeeded),
        )
        hold = hold_after(after, only_if_succeeded)
        session.execute(update(Run).where(*waiting).values(hold=hold))  # type: ignore[arg-type]
    if after == RunStatus.QUEUED:
        own = session.exec(select(Run.after_run_id, Run.after_success).where(Run.id == run_id)).one()
        session.execute(update(Run).where(col(Run.id) == run_id).values(hold=hold_of(session, *own)))


def chain(session: Session, run_id: str) -> list[str]:
    """The run itself, the run that it starts after, the one that this one starts after, and so on."""
    line = select(col(Run.id), col(Run.after_run_id)).where(Run.id == run_id).cte("line", recursive=True)
    line = line.union(select(col(Run.id), col(Run.after_run_id)).where(col(Run.id) == line.c.after_run_id))
    return list(session.scalars(select(line.c.id)).all())


def release_ready(session: Session) -> None:
    """Runs whose dataset or model was not ready, and is by now, or never will be: their start says which."""
    for table, key, hold, moving in (
        (Dataset, Run.dataset_id, DATASET, DatasetStatus.IMPORTING),
        (Model, Run.model_id, MODEL, ModelStatus.QUEUED),
    ):
        still = select(literal(1)).where(table.id == key, table.status == moving).exists()
        held = (Run.status == RunStatus.QUEUED, Run.hold == hold, ~still)
        session.execute(update(Run).where(*held).values(hold=""))  # type: ignore[arg-type]


def any_unready(session: Session) -> bool:
    """Whether a run waits for its dataset or model."""
    held = (Run.status == RunStatus.QUEUED, col(Run.hold).in_((DATASET, MODEL)))
    return session.exec(select(Run.id).where(*held).limit(1)).first() is not None
