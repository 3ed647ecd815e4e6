"""What has happened since the last look: in the transition log by a cursor, and to the runs that are running.

Called every second by the one process that leads. It reads; it writes only where something is to be told, and each in
one transaction with the cursor, so a kill in between neither loses a notification nor tells it twice.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlmodel import Session, col, select

from engine import sizes
from engine.notifications.announcing import announce, state_of
from engine.notifications.kinds import Kind
from engine.process import logs
from engine.recipes.best_checkpoint import deciding_metric
from engine.recipes.recipe import parse
from storage import db, home
from storage import runs as stored_runs
from storage.outgoing import notices
from storage.statuses import RUN_ALIVE, RUN_RESUMABLE, RunStatus
from storage.tables import Run, Transition

MOST_AT_ONCE = 500  # transitions in one round; the rest comes a second later
LOOK_SECONDS = 5.0  # between two looks at running runs
BEST_SECONDS = 600.0  # a run says no more often that it is better
# PostgreSQL gives ids before it commits, so that one may appear behind the cursor. SQLite has one writer.
OVERLAP = 100
ENDS: dict[str, Kind] = {
    RunStatus.SUCCEEDED: "finished",
    RunStatus.FAILED: "failed",
    RunStatus.INTERRUPTED: "interrupted",
}
BY_ITSELF = "by itself"  # in the reason of a resume that nobody asked for

_looked_at = 0.0


def tick() -> None:
    """One look."""
    global _looked_at
    read_log()
    if time.monotonic() - _looked_at >= LOOK_SECONDS:
        _looked_at = time.monotonic()
        look_at_running()


def read_log() -> None:
    """Tells what the log of decisions says of runs since the last time."""
    with db.reading() as session:
        state = notices.state(session)
        if state is not None and notices.newest_transition(session) <= state.seen_transition:
            return
    with db.session() as session:
        state = state_of(session)
        overlap = 0 if session.get_bind().dialect.name == "sqlite" else OVERLAP
        entries = notices.transitions_after(session, state.seen_transition - overlap, MOST_AT_ONCE)
        runs = _by_id(session, {entry.subject_id for entry in entries})
        for entry, kind in told(entries):
            if (run := runs.get(entry.subject_id)) is not None and run.facts.trial_of is None:
                title, text = _words(kind, run, entry.reason)
                announce(kind, run.id, title, text, key=f"transition:{entry.id}", session=session)
        if entries:
            state.seen_transition = max(state.seen_transition, *(entry.id or 0 for entry in entries))


def told(entries: Sequence[Transition]) -> list[tuple[Transition, Kind]]:
    """Which entries are told, as what. A failure after which the run went on by itself is told as that alone."""
    moves: list[tuple[Transition, Kind]] = []
    following: dict[str, Transition] = {}  # by run, what it did next
    for entry in reversed(entries):
        then, following[entry.subject_id] = following.get(entry.subject_id), entry
        kind = _kind(entry)
        if kind and not (kind == "failed" and then is not None and _went_on(then)):
            moves.append((entry, kind))
    return moves[::-1]


def _kind(entry: Transition) -> Kind | None:
    if entry.after == RunStatus.QUEUED:
        return "resumed" if entry.before in RUN_RESUMABLE else None
    return ENDS.get(entry.after)


def _went_on(entry: Transition) -> bool:
    return entry.before == RunStatus.FAILED and entry.after == RunStatus.QUEUED and BY_ITSELF in entry.reason


def _by_id(session: Session, ids: Iterable[str]) -> dict[str, Run]:
    return {run.id: run for run in session.exec(select(Run).where(col(Run.id).in_(list(ids))))}


def _words(kind: Kind, run: Run, reason: str) -> tuple[str, str]:
    match kind:
        case "finished":
            return f"{run.name} has finished", _came_out(run)
        case "failed":
            return f"{run.name} has failed", logs.redact("\n".join(filter(None, (reason or run.error, run.hint))))
        case "interrupted":
            return f"{run.name} was interrupted", logs.redact(reason)
        case _:
            return f"{run.name} goes on", f"{reason[:1].upper()}{reason[1:]}."


def _came_out(run: Run) -> str:
    parts = [f"{run.step:,} steps" if run.step != 1 else "1 step"]
    parts += [f"loss {run.loss:.4g}"] if run.loss is not None else []
    if run.seconds:
        parts.append(f"{max(1, round(run.seconds / 60)):,} min")
    return ", ".join(parts) + "."


def look_at_running() -> None:
    """Tells of runs under way that are stuck, and of those that are better than ever."""
    with db.reading() as session:
        running = session.exec(select(Run).where(col(Run.status).in_(RUN_ALIVE))).all()
    looks: tuple[Callable[[Run], None], ...] = (_stuck, _best)
    for run in running:
        if run.facts.trial_of is None:
            for look in looks:
                with logs.kept_going("notifications", run.id):
                    look(run)


def _stuck(run: Run) -> None:
    since: Any = run.facts.to_json().get("stuck_since")
    if not isinstance(since, int | float):
        return
    key = f"stuck:{run.id}:{int(since)}"
    with db.reading() as session:
        if notices.known(session, key):
            return
    minutes = max(1, round((time.time() - since) / 60))
    after = f"after step {run.step:,}" if run.step else "not even the first one"
    text = f"No step for {minutes:,} min, {after}. Its page says what it does."
    announce("stuck", run.id, f"{run.name} makes no step", text, key=key)


def _best(run: Run) -> None:
    """The newest best value on held-out rows, unless one was told a moment ago. The first value is no best."""
    metric, greater = deciding_metric(parse(run.recipe))
    name = metric if metric.startswith("eval_") else f"eval_{metric}"
    with db.reading() as session:
        points = stored_runs.curve(session, run.id, name)
        last = notices.last_of(session, run.id, "best")
    best = best_of(points, greater)
    if best is None or (last is not None and time.time() - last.at < BEST_SECONDS):
        return
    step, value, before = best
    text = f"{name} is {value:.4g} at step {step:,}; the best before was {before:.4g}."
    announce("best", run.id, f"{run.name} has a new best value", text, key=f"best:{run.id}:{step}")


def best_of(points: Sequence[tuple[int, float]], greater: bool) -> tuple[int, float, float] | None:
    """Step and value of the best point, and the best value before it; None while the first is the best."""
    best: tuple[int, float] | None = None
    before: float | None = None
    for step, value in points:
        if value == value and (best is None or (value > best[1] if greater else value < best[1])):  # no NaN
            before, best = (best[1] if best else None), (step, value)
    return None if best is None or before is None else (*best, before)


def look_at_disk() -> None:
    """Tells once that the disk is nearly full, and again only after there was room in between."""
    free = home.free_bytes()
    with db.reading() as session:
        state = notices.state(session)
    if state is None:
        return
    least = state.disk_low_gb * 1e9
    is_low = free < (least * 1.2 if state.disk_is_low else least)
    if is_low == state.disk_is_low:
        return
    with db.session() as session:
        state_of(session).disk_is_low = is_low
        if is_low:
            title = f"Only {sizes.in_words(free)} of disk space is free"
            text = (
                "Trainings that cannot save a checkpoint lose work. The clean-up on the Registry page says what can go."
            )
            announce("disk_low", None, title, text, session=session)
