"""What people are told of a sweep: its end. Of its trials nobody is told."""

from sqlmodel import Session

from engine.notifications.announcing import announce
from engine.sweeps.spec import SweepSpec
from engine.sweeps.study import Trial, best, differing
from storage.statuses import SweepStatus
from storage.tables import Sweep


def tell_end(session: Session, sweep: Sweep, status: SweepStatus, words: str, trials: tuple[Trial, ...]) -> None:
    """Tells that it has finished or failed, in the caller's transaction; a sweep that a person stopped is not told."""
    key = f"sweep:{sweep.id}:{sweep.started_at}"
    if status == SweepStatus.FAILED:
        announce("failed", None, f"The sweep {sweep.name} has failed", words, key=key, session=session)
    if status == SweepStatus.SUCCEEDED:
        first = best(trials, SweepSpec.model_validate(sweep.spec).objectives[0].direction)
        text = f"{words} {_words(first)}" if first is not None else words
        run_id = first.run_id if first is not None else None
        announce("finished", run_id, f"The sweep {sweep.name} has finished", text.strip(), key=key, session=session)


def _words(first: Trial) -> str:
    value = f" {first.values[0]:.4g}" if first.values else ""
    return f"The best is trial {first.number}:{value} with {differing(first.params)}."
