"""A trial's run that a person resumes by hand: its trial runs again, and its value counts when it ends.

What the sweep does with it is in engine.sweeps; here only the rows are put right, in the transaction that resumes.
"""

from sqlmodel import Session

from engine.errors import ConflictError
from storage.statuses import SWEEP_MOVING, SweepStatus
from storage.sweeps import sweeps, trials
from storage.tables import Run, SweepTrial


def take_back(session: Session, run: Run) -> None:
    """The trial that this run is runs again; its sweep, where it was over, follows that trial and nothing else.

    Does nothing for a run that is no trial (any more). Raises ConflictError for one that was pruned, and while the
    sweep is stopping.
    """
    trial = trials.of_run(session, run)
    sweep = sweeps.get(session, trial.sweep_id) if trial is not None else None
    if trial is None or sweep is None or trial.state == trials.RUNNING:
        return
    if trial.state == "pruned":
        raise _pruned(run, trial, sweep.name)
    if sweep.status == SweepStatus.STOPPING:
        raise ConflictError(f"The sweep `{sweep.name}`, of which this run is a trial, is stopping.", "Try again soon.")
    again = {"state": trials.RUNNING, "values": None, "reason": "", "is_put_away": False, "ended_at": None}
    if trials.move(session, trial, trial.state, **again) and sweep.status not in SWEEP_MOVING:
        sweeps.reopen(session, sweep, stage="extra")


def _pruned(run: Run, trial: SweepTrial, sweep_name: str) -> ConflictError:
    """It has no checkpoint to go on from, and the search went on knowing that it had ended there."""
    hint = f"Train its settings in full instead: `tunesmith sweeps full {trial.sweep_id} {trial.number}`, or POST to "
    return ConflictError(
        f"The run `{run.name}` was ended by the pruner of the sweep `{sweep_name}`, and its checkpoints were removed.",
        f"{hint}/api/sweeps/{trial.sweep_id}/full.",
    )
