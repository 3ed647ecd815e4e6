"""What a person has set about the queue: paused or not, and how it behaves."""

import time
from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage import moving
from storage.tables import PoliteSleep, QueueState, Run
from storage.tables.queue import QUEUE


def current(session: Session) -> QueueState:
    """The queue's row; the defaults before anybody has changed something. That one is not in the session."""
    return session.get(QueueState, QUEUE) or QueueState()


def changing(session: Session) -> QueueState:
    """The queue's row, to be changed in this transaction."""
    state = session.get(QueueState, QUEUE)
    if state is None:
        state = QueueState()
        session.add(state)
    return state


def next_run(session: Session, passed: Sequence[str] = ()) -> str | None:
    """The run that may start next, but for those passed; None while the queue is paused."""
    return None if current(session).paused_at is not None else moving.first_run(session, passed)


def pause(session: Session, reason: str) -> None:
    """Nothing starts any more. The reason of the first pause stays."""
    state = changing(session)
    if state.paused_at is None:
        state.paused_at, state.pause_reason = time.time(), reason


def after_failure(session: Session, run: Run) -> None:
    """Pauses the queue where a person has set that it stops after a failure."""
    if current(session).stop_after_failure:
        pause(session, f"The run `{run.name}` has failed, and the queue stops after a failure.")


def polite_sleeps(session: Session) -> Sequence[PoliteSleep]:
    """The endpoints that sleep for a training, or are on their way to."""
    return session.exec(select(PoliteSleep).order_by(col(PoliteSleep.since))).all()
