"""What a person changes in the queue: order, priority, who starts after whom, pause, and how it behaves."""

from collections import Counter
from collections.abc import Sequence

from sqlmodel import Session

from engine.errors import ConflictError, RefusedError
from engine.existing import existing, missing
from engine.process import queue
from engine.runs import supervision
from engine.runs.queue.order import moved, reordered
from engine.runs.queue_place import checked_priority
from engine.serve import routing
from storage import db, runs
from storage.queued import followers, state
from storage.queued import order as stored
from storage.queued.order import Place
from storage.statuses import RunStatus
from storage.tables import QueueState, Run

LEAST_MINUTES, MOST_MINUTES = 1.0, 10_080.0  # a minute to a week


def change(
    run_id: str, priority: int | None = None, after: str | None = None, only_if_succeeded: bool | None = None
) -> Run:
    """Changes how a waiting run stands in the queue; what is None stays.

    `after` is the run at whose end it starts, "" for none. With `only_if_succeeded` (so it is unless changed) it stays
    blocked when the other one did not succeed; else any end will do.
    Raises NotFoundError, RefusedError for a priority that is none, ConflictError when it does not wait or for a circle.
    """
    with db.session() as session:
        run = _waiting(session, run_id)
        if priority is not None:
            run.rank = -checked_priority(priority)
        if after is not None:
            run.after_run_id = _checked_after(session, run, after) if after else None
        if only_if_succeeded is not None:
            run.after_success = only_if_succeeded
        run.hold = followers.hold_of(session, run.after_run_id, run.after_success)
    queue.ring(supervision.launch)
    return run


def _waiting(session: Session, run_id: str) -> Run:
    run = existing(session, Run, run_id)
    if run.status != RunStatus.QUEUED:
        message = f"The run `{run.name}` does not wait in the queue: it is {run.status}."
        raise ConflictError(message, "Only a queued run has a place in the queue. Load the queue again.")
    return run


def _checked_after(session: Session, run: Run, after: str) -> str:
    other = existing(session, Run, after)
    line = followers.chain(session, other.id)
    if run.id in line:
        names = runs.names(session, line)
        circle = " after ".join(f"`{names[id]}`" for id in (run.id, *line[: line.index(run.id) + 1]))
        hint = "Choose a run that does not wait for this one."
        raise ConflictError(f"That would be a circle: {circle}. None of them would ever start.", hint)
    return other.id


def start_anyway(run_id: str) -> Run:
    """Has a run wait for no other one any more. Raises NotFoundError, ConflictError."""
    return change(run_id, after="")


def move(run_id: str, before: str | None = None, behind: str | None = None) -> Run:
    """Puts a waiting run before or behind another one, or behind all. It takes the priority that the place asks for.

    Raises NotFoundError; ConflictError when one of the two does not wait any more.
    """
    with db.session() as session:
        run = _waiting(session, run_id)
        if other := before or behind:
            _waiting(session, other)
        places = stored.places(session)
        if other != run_id:
            stored.put(session, moved(places, run_id, before or _next_of(places, behind, run_id)))
        session.refresh(run)
    queue.ring(supervision.launch)
    return run


def _next_of(places: Sequence[Place], behind: str | None, moving: str) -> str | None:
    """Who stands behind a run, the one that moves not counted; None for the end of the line."""
    others = [place.id for place in places if place.id != moving]
    return next(iter(others[others.index(behind) + 1 :]), None) if behind else None


def shift(run_id: str, by: int) -> Run:
    """Moves a waiting run so many places on: -1 is one earlier. At an end nothing happens. Raises as `move`."""
    with db.session() as session:
        run = _waiting(session, run_id)
        places = stored.places(session)
        others = [place.id for place in places if place.id != run_id]
        at = next(index for index, place in enumerate(places) if place.id == run_id) + by
        before = others[max(0, at)] if at < len(others) else None
        stored.put(session, moved(places, run_id, before))
        session.refresh(run)
    queue.ring(supervision.launch)
    return run


def reorder(run_ids: Sequence[str]) -> None:
    """Has waiting runs take, in this order, the places that they have among them now; the others stay.

    Raises RefusedError for a run named twice, NotFoundError, ConflictError for one that does not wait any more, or that
    would stand before one of a higher priority. Then nothing has changed.
    """
    repeated = [run_id for run_id, count in Counter(run_ids).items() if count > 1]
    if repeated:
        raise RefusedError(f"`run_ids` names the run `{repeated[0]}` twice.", "Name each run once.")
    with db.session() as session:
        places = stored.places(session)
        lost = set(run_ids) - {place.id for place in places}
        for run_id in run_ids:
            if run_id in lost:
                _waiting(session, run_id)  # says in which way it does not wait
                raise missing(Run, run_id)
        stored.put(session, reordered(places, run_ids, runs.names(session, run_ids)))
    queue.ring(supervision.launch)


def pause(reason: str = "") -> QueueState:
    """Starts nothing any more, also after a restart of the studio. What runs goes on. Nothing happens when it is."""
    with db.session() as session:
        state.pause(session, reason)
        return state.changing(session)


def go_on() -> QueueState:
    """Starts runs again. Nothing happens when it is not paused."""
    with db.session() as session:
        settings = state.changing(session)
        settings.paused_at, settings.pause_reason = None, ""
    queue.ring(supervision.launch)
    return settings


def set_behaviour(stop_after_failure: bool, sleep_idle_minutes: float | None) -> QueueState:
    """What the queue does after a failure, and with endpoints that nobody asks. Raises RefusedError.

    `sleep_idle_minutes`: endpoints that nobody has asked for so long sleep while a run trains on their device.
    """
    if sleep_idle_minutes is not None and not LEAST_MINUTES <= sleep_idle_minutes <= MOST_MINUTES:
        least, most = f"{LEAST_MINUTES:g}", f"{MOST_MINUTES:,.0f}"
        message = f"`sleep_idle_minutes` is {sleep_idle_minutes:g}: it must be from {least} to {most}."
        raise RefusedError(message, "Leave it empty, and no endpoint is put to sleep.")
    with db.session() as session:
        settings = state.changing(session)
        settings.stop_after_failure, settings.sleep_idle_minutes = stop_after_failure, sleep_idle_minutes
    routing.forget()  # which reads whether it has to note when endpoints were asked
    return settings


def settings() -> QueueState:
    """How the queue is set now."""
    with db.reading() as session:
        return state.current(session)
