"""A sweep in plain values, as REST and the command line show it."""

from collections.abc import Sequence
from typing import Any

from engine.sweeps import sweeps
from engine.sweeps.life import studies, tick
from engine.sweeps.study import Trial
from storage import db
from storage.tables import Sweep

_FIELDS = (
    "id", "project_id", "name", "status", "stage", "reason", "error", "hint", "goal", "spec", "created_at", "ended_at",
)  # fmt: skip


def described(sweep: Sweep) -> dict[str, Any]:
    """All there is to say of it: every trial with its value, and the best so far."""
    return all_described([sweep])[0]


def all_described(sweeps_shown: Sequence[Sweep]) -> list[dict[str, Any]]:
    """The same of several, without a query for each."""
    with db.reading() as session:
        trials = studies.of_sweeps(session, sweeps_shown)
    return [_described(sweep, trials[sweep.id]) for sweep in sweeps_shown]


def _described(sweep: Sweep, trials: tuple[Trial, ...]) -> dict[str, Any]:
    spec = studies.spec_of(sweep)
    best = sweeps.best_of(spec, trials)
    return {
        **{field: getattr(sweep, field) for field in _FIELDS},
        "side_by_side": tick.slots(spec),
        "trials": [_trial(trial) for trial in trials],
        "best": _best(best) if best is not None else None,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    fields = ("number", "run_id", "state", "phase", "of", "params", "reason", "tokens", "started_at", "ended_at")
    values = list(trial.values) if trial.values else None
    return {**{field: getattr(trial, field) for field in fields}, "value": value_of(trial), "values": values}


def _best(trial: Trial) -> dict[str, Any]:
    return {"number": trial.number, "run_id": trial.run_id, "value": value_of(trial), "params": trial.params}


def value_of(trial: Trial) -> float | None:
    """What the first objective came to, of a pruned trial at its last evaluation; None while it trains."""
    if trial.values:
        return trial.values[0]
    return trial.steps[max(trial.steps)] if trial.steps and trial.state == "pruned" else None
