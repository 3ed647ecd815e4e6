"""A sweep in plain values, as REST and the command line show it."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.sweeps import spent, sweeps
from engine.sweeps.life import studies, tick
from engine.sweeps.study import Trial
from storage import db
from storage.sweeps import trials as stored
from storage.tables import Sweep, SweepTrial, TrialPick

_FIELDS = (
    "id", "project_id", "name", "status", "stage", "reason", "error", "hint", "goal", "spec", "created_at", "ended_at",
)  # fmt: skip


def described(sweep: Sweep) -> dict[str, Any]:
    """All there is to say of it: every trial with its value, and the best so far."""
    return described_all([sweep])[0]


def described_all(listed: Sequence[Sweep]) -> list[dict[str, Any]]:
    """The same of several, by a few queries however many they are."""
    ids = [sweep.id for sweep in listed]
    with db.reading() as session:
        rows, picks = stored.of_sweeps(session, ids), stored.picks_of_sweeps(session, ids)
        seconds, used = stored.seconds_of_runs(session, ids), spent.of_sweeps(session, listed)
    return [
        _described(sweep, rows[sweep.id], picks[sweep.id], seconds) | {"spent": used[sweep.id].facts()}
        for sweep in listed
    ]


def trials_page(sweep_id: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Some trials in the order of their numbers, and how many there are. Raises NotFoundError."""
    sweep = sweeps.look_up(sweep_id)
    spec = studies.spec_of(sweep)
    with db.reading() as session:
        total = stored.count(session, sweep_id)
        if studies.is_by_taste(spec):  # each score is of all picks
            trials = studies.of_sweep(session, sweep, spec)[offset : offset + limit]
        else:
            trials = studies.plain(stored.page(session, sweep_id, limit, offset))
        seconds = stored.seconds_of_runs(session, [sweep_id])
    return [_trial(trial) for trial in studies.timed(trials, seconds)], total


def _described(
    sweep: Sweep, rows: Sequence[SweepTrial], picks: Sequence[TrialPick], seconds: Mapping[str, float | None]
) -> dict[str, Any]:
    spec = studies.spec_of(sweep)
    trials = studies.timed(studies.plain(rows, picks if studies.is_by_taste(spec) else None), seconds)
    best = sweeps.best_of(spec, trials)
    return {
        **{field: getattr(sweep, field) for field in _FIELDS},
        "side_by_side": tick.slots(spec),
        "trials": [_trial(trial) for trial in trials],
        "best": _best(best) if best is not None else None,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    times = ("started_at", "ended_at", "seconds")
    fields = ("number", "run_id", "state", "phase", "of", "params", "reason", "tokens", "interval", *times)
    values = list(trial.values) if trial.values else None
    return {**{field: getattr(trial, field) for field in fields}, "value": value_of(trial), "values": values}


def _best(trial: Trial) -> dict[str, Any]:
    return {"number": trial.number, "run_id": trial.run_id, "value": value_of(trial), "params": trial.params}


def value_of(trial: Trial) -> float | None:
    """What the first objective came to, of a pruned trial at its last evaluation; None while it trains."""
    if trial.values:
        return trial.values[0]
    return trial.steps[max(trial.steps)] if trial.steps and trial.state == "pruned" else None
