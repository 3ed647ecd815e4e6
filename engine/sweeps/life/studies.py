"""Rows of the database as plain data: the trials of a sweep, and the study that its worker is told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from engine.sweeps import space, taste
from engine.sweeps.spec import TASTE, SweepSpec
from engine.sweeps.study import Study, Trial
from storage.sweeps import trials as stored
from storage.tables import Sweep, SweepTrial, TrialPick


def spec_of(sweep: Sweep) -> SweepSpec:
    """As it was asked for."""
    return SweepSpec.model_validate(sweep.spec)


def of_sweep(session: Session, sweep: Sweep, spec: SweepSpec) -> tuple[Trial, ...]:
    """All trials in the order of their numbers. By taste, the values are the scores of those that were compared."""
    rows = stored.of_sweep(session, sweep.id)
    return plain(rows, stored.picks(session, sweep.id) if is_by_taste(spec) else None)


def is_by_taste(spec: SweepSpec) -> bool:
    return any(objective.metric == TASTE for objective in spec.objectives)


def plain(rows: Iterable[SweepTrial], picks: Sequence[TrialPick] | None = None) -> tuple[Trial, ...]:
    """`picks`: None where a metric gives the values. A trial that nobody compared has no value: 0 is a score."""
    trials = tuple(_trial(row) for row in rows)
    if picks is None:
        return trials
    picked = [_pick(pick) for pick in picks]
    scores = taste.scores(picked, [trial.number for trial in trials if trial.state == "complete"])
    sure = taste.intervals(picked, scores)
    return tuple(
        trial.model_copy(update={"values": (scores[trial.number],), "interval": sure[trial.number]})
        if trial.number in sure
        else trial
        for trial in trials
    )


def timed(trials: Iterable[Trial], seconds: Mapping[str, float | None]) -> tuple[Trial, ...]:
    """The trials with how long each one's run took, by the run; of one that is gone nothing is known."""
    return tuple(trial.model_copy(update={"seconds": seconds.get(trial.run_id or "")}) for trial in trials)


def picks(session: Session, sweep: Sweep) -> tuple[taste.Pick, ...]:
    """What people picked, in order."""
    return tuple(_pick(pick) for pick in stored.picks(session, sweep.id))


def _pick(pick: TrialPick) -> taste.Pick:
    return taste.Pick(pick.winner, pick.loser, pick.is_alike)


def _trial(row: SweepTrial) -> Trial:
    fields: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("number", "state", "params", "phase", "run_id", "of", "reason", "started_at", "ended_at", "tokens")
    }
    steps = {int(step): value for step, value in row.steps.items()}
    return Trial(**fields, values=None if row.values is None else tuple(row.values), steps=steps)


def study(spec: SweepSpec, trials: tuple[Trial, ...]) -> Study:
    """What decides what comes next. Trainings in full and repeats say nothing of the space that a search did not."""
    return Study(
        space=dict(spec.space),
        whole=tuple(space.whole(spec.space)),
        directions=tuple(objective.direction for objective in spec.objectives),
        sampler=spec.sampler,
        pruner=spec.pruner,
        seed=spec.seed,
        trials=tuple(trial for trial in trials if trial.phase in ("search", "warm")),
    )
