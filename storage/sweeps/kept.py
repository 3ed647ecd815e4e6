"""What changes when the file of a sweep has to be written again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.statuses import SWEEP_MOVING
from storage.tables import Sweep, SweepTrial, TrialPick


def marks(session: Session) -> list[Sequence[Any]]:
    """A line a sweep, its id first, by three queries: trials are looked at of those that are under way alone."""
    columns = (Sweep.id, Sweep.name, Sweep.status, Sweep.moved_at, Sweep.goal, Sweep.stage, Sweep.project_id)
    sweeps = session.exec(select(*columns)).all()  # type: ignore[call-overload]
    of_trials = {line[0]: line[1:] for line in session.exec(_trials()).all()}
    picks = dict(session.exec(select(TrialPick.sweep_id, func.count()).group_by(col(TrialPick.sweep_id))).all())
    return [(*line, of_trials.get(line[0]), picks.get(line[0], 0)) for line in sweeps]


def _trials() -> Any:
    """Of each sweep under way: how many trials, their tries, how far, how many of them have ended, and what is left."""
    moving = select(Sweep.id).where(col(Sweep.status).in_(SWEEP_MOVING))
    numbers = (
        func.count(), func.sum(SweepTrial.tries), func.max(SweepTrial.ended_at), func.count(col(SweepTrial.ended_at)),
        func.count(col(SweepTrial.run_id)), func.sum(SweepTrial.judged_step),
    )  # fmt: skip
    query = select(SweepTrial.sweep_id, *numbers).where(col(SweepTrial.sweep_id).in_(moving))  # type: ignore[call-overload]
    return query.group_by(col(SweepTrial.sweep_id))
