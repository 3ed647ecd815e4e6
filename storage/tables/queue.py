"""The queue of trainings: whether it goes on, how it behaves, and which endpoints sleep for a training."""

import time

from sqlmodel import Field, SQLModel

QUEUE = "queue"


class QueueState(SQLModel, table=True):
    """One row: what a person has set. Runs themselves say how they stand in the queue."""

    __tablename__ = "queue_state"

    id: str = Field(default=QUEUE, primary_key=True)
    paused_at: float | None = None  # nothing starts since then; what runs goes on
    pause_reason: str = ""
    stop_after_failure: bool = False  # pauses by itself when a run has failed
    sleep_idle_minutes: float | None = None  # endpoints unasked for so long sleep while a run trains; None: never


class PoliteSleep(SQLModel, table=True):
    """An endpoint that was sent to sleep for a training, and is woken after it."""

    __tablename__ = "polite_sleep"

    endpoint_id: str = Field(primary_key=True, foreign_key="endpoint.id", ondelete="CASCADE")
    run_id: str
    since: float = Field(default_factory=time.time)
