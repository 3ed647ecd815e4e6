"""The trials of a sweep, the runs behind them, and what people picked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage.run_lists import summaries
from storage.run_lists.columns import FOR_A_LIST
from storage.tables import Run, SweepTrial, TrialPick

RUNNING = "running"


@dataclass(frozen=True)
class New:
    """A trial that is about to begin."""

    params: dict[str, Any]
    phase: str = "search"
    of: int | None = None
    seed: int | None = None


def of_sweep(session: Session, sweep_id: str) -> Sequence[SweepTrial]:
    """All of them, in the order of their numbers."""
    query = select(SweepTrial).where(SweepTrial.sweep_id == sweep_id).order_by(col(SweepTrial.number))
    return session.exec(query).all()


def of_sweeps(session: Session, sweep_ids: Sequence[str]) -> dict[str, list[SweepTrial]]:
    """Sweep -> its trials in the order of their numbers, by one query."""
    query = select(SweepTrial).where(col(SweepTrial.sweep_id).in_(sweep_ids)).order_by(col(SweepTrial.number))
    by_sweep: dict[str, list[SweepTrial]] = {sweep_id: [] for sweep_id in sweep_ids}
    for row in session.exec(query):
        by_sweep[row.sweep_id].append(row)
    return by_sweep


def page(session: Session, sweep_id: str, limit: int, offset: int) -> Sequence[SweepTrial]:
    """Some of them, in the order of their numbers."""
    query = select(SweepTrial).where(SweepTrial.sweep_id == sweep_id).order_by(col(SweepTrial.number))
    return session.exec(query.limit(limit).offset(offset)).all()


def count(session: Session, sweep_id: str) -> int:
    """How many trials a sweep has."""
    return session.scalar(select(func.count()).select_from(SweepTrial).where(SweepTrial.sweep_id == sweep_id)) or 0


def running(session: Session, sweep_id: str) -> Sequence[SweepTrial]:
    """Those that wait or train, in the order of their numbers."""
    query = select(SweepTrial).where(SweepTrial.sweep_id == sweep_id, SweepTrial.state == RUNNING)
    return session.exec(query.order_by(col(SweepTrial.number))).all()


def get(session: Session, sweep_id: str, number: int) -> SweepTrial | None:
    return session.get(SweepTrial, (sweep_id, number))


def of_run(session: Session, run: Run) -> SweepTrial | None:
    """The trial that a run is; None where it is none, its sweep was deleted, or another run took its place."""
    if run.sweep_id is None:
        return None
    query = select(SweepTrial).where(SweepTrial.sweep_id == run.sweep_id, SweepTrial.run_id == run.id)
    return session.exec(query).first()


def counts(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Sweep -> state -> how many, by one query."""
    query = select(SweepTrial.sweep_id, SweepTrial.state, func.count()).where(col(SweepTrial.sweep_id).in_(sweep_ids))
    counted: dict[str, dict[str, int]] = {}
    for sweep_id, state, count in session.exec(query.group_by(col(SweepTrial.sweep_id), col(SweepTrial.state))):
        counted.setdefault(sweep_id, {})[state] = count
    return counted


def add(session: Session, sweep_id: str, new: Iterable[New]) -> list[SweepTrial]:
    """Numbers them after those there are. The caller holds the sweep's row, so nobody numbers beside it."""
    last = session.scalar(select(func.max(SweepTrial.number)).where(SweepTrial.sweep_id == sweep_id))
    first = 0 if last is None else last + 1
    rows = [
        SweepTrial(sweep_id=sweep_id, number=number, params=one.params, phase=one.phase, of=one.of, seed=one.seed)
        for number, one in enumerate(new, first)
    ]
    session.add_all(rows)
    session.flush()
    return rows


def move(session: Session, trial: SweepTrial, before: str, **changes: Any) -> bool:
    """Changes a trial if it still has the state `before` and the run it had, and says whether it did."""
    unmoved = (
        col(SweepTrial.sweep_id) == trial.sweep_id,
        col(SweepTrial.number) == trial.number,
        col(SweepTrial.state) == before,
        col(SweepTrial.tries) == trial.tries,
    )
    statement = update(SweepTrial).where(*unmoved).values(**changes).returning(col(SweepTrial.number))
    return session.scalar(statement) is not None


def runs_of(session: Session, run_ids: Iterable[str]) -> dict[str, Run]:
    """Id -> run, without recipe and facts, of those that are there."""
    ids = list(run_ids)
    if not ids:
        return {}
    query = select(Run).where(col(Run.id).in_(ids)).options(*FOR_A_LIST)
    return {run.id: run for run in session.exec(query)}


def is_unmoved(session: Session, run: Run) -> bool:
    """Whether a run still has the status and the attempt that it was read with. Holds its row until the commit."""
    now = session.get(Run, run.id, with_for_update=True)
    return now is not None and (now.status, now.attempt) == (run.status, run.attempt)


def last_values(session: Session, run_ids: Iterable[str], name: str) -> dict[str, float]:
    """Run -> the last value of a metric, of those that have it."""
    return {key[0]: summary.last for key, summary in summaries.of_runs(session, list(run_ids), [name]).items()}


def picks(session: Session, sweep_id: str) -> Sequence[TrialPick]:
    """What people picked, in order."""
    return session.exec(select(TrialPick).where(TrialPick.sweep_id == sweep_id).order_by(col(TrialPick.at))).all()


def picks_of_sweeps(session: Session, sweep_ids: Sequence[str]) -> dict[str, list[TrialPick]]:
    """Sweep -> its picks in order, by one query."""
    query = select(TrialPick).where(col(TrialPick.sweep_id).in_(sweep_ids)).order_by(col(TrialPick.at))
    by_sweep: dict[str, list[TrialPick]] = {sweep_id: [] for sweep_id in sweep_ids}
    for row in session.exec(query):
        by_sweep[row.sweep_id].append(row)
    return by_sweep


def not_put_away(session: Session, sweep_id: str) -> Sequence[SweepTrial]:
    """Those that run, and those that were pruned and of which something is left."""
    query = select(SweepTrial).where(SweepTrial.sweep_id == sweep_id, col(SweepTrial.is_put_away).is_(False))
    return session.exec(query.order_by(col(SweepTrial.number))).all()


def let_go(session: Session, sweep_id: str) -> list[str]:
    """The runs of a sweep that is being deleted stay, as runs of their own. Returns their ids, of hidden ones too."""
    of_sweep = update(Run).where(col(Run.sweep_id) == sweep_id).values(sweep_id=None)
    return [str(run_id) for run_id in session.scalars(of_sweep.returning(col(Run.id)))]


def take_back(session: Session, sweep_id: str, run_ids: Sequence[str]) -> None:
    """Those of the runs that were let go, and that still are there, belong to the sweep again."""
    free = (col(Run.id).in_(run_ids), col(Run.sweep_id).is_(None))
    session.execute(update(Run).where(*free).values(sweep_id=sweep_id))


def searched(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Sweep -> state -> how many of its trials of the search, by one query."""
    query = select(SweepTrial.sweep_id, SweepTrial.state, func.count()).where(SweepTrial.phase == "search")
    counted: dict[str, dict[str, int]] = {}
    grouped = query.where(col(SweepTrial.sweep_id).in_(sweep_ids)).group_by(
        col(SweepTrial.sweep_id), col(SweepTrial.state)
    )
    for sweep_id, state, count in session.exec(grouped):
        counted.setdefault(sweep_id, {})[state] = count
    return counted


def ends(session: Session, sweep_ids: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    """Sweep -> (least, greatest) first value of its finished trials of the search, by one query."""
    value = col(SweepTrial.values)[0].as_float()
    query = select(SweepTrial.sweep_id, func.min(value), func.max(value)).group_by(col(SweepTrial.sweep_id))
    of_search = (col(SweepTrial.phase) == "search", col(SweepTrial.state) == "complete")
    rows = session.exec(query.where(col(SweepTrial.sweep_id).in_(sweep_ids), *of_search)).all()
    return {sweep_id: (least, most) for sweep_id, least, most in rows}
