"""Whether a training that should report says nothing: its process may be frozen, or hang in a call that never ends.

The run's fact `silent_since` says since when, for as long as it lasts. Nothing is ended for it: only a person knows.
"""

import time
from pathlib import Path

from engine.process import events
from storage import db
from storage.statuses import RunStatus
from storage.tables import Run, RunFacts

LEAST_SECONDS = 60.0
STEPS = 20  # so many times a step's usual time may pass: checkpoints and evaluations take long
UNPACED_SECONDS = 900.0  # while nobody knows what a step takes: loading, tokenising


def watch(run: Run, folder: Path) -> None:
    """Notes when the worker of a running run went silent, or speaks again."""
    if run.status != RunStatus.RUNNING:
        return
    said = events.last_written(folder)
    silent = said is not None and time.time() - said > _patience_seconds(run, said)
    if silent == (run.facts.silent_since is not None):
        return
    with db.session() as session:
        row = session.get(Run, run.id, with_for_update=True)
        if row is None or row.status != RunStatus.RUNNING:
            return
        row.facts = row.facts.merged(RunFacts(silent_since=said if silent else None))
        if silent:
            row.eta_seconds = None


def _patience_seconds(run: Run, said: float) -> float:
    """How long the worker may say nothing, in seconds, from what its steps took so far."""
    first_step, first_at = run.facts.pace or (run.step, said)
    if run.step <= first_step:
        return UNPACED_SECONDS
    return max(LEAST_SECONDS, STEPS * (said - first_at) / (run.step - first_step))
