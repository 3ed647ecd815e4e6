"""Whether a training that lives makes no step: its process may be frozen, or hang in a call that never ends.

    a sign of life -> none for ten usual steps, at least five minutes -> stuck_since -> asked what it does
                                                                      -> ended and resumed, if its recipe says so

A sign of life is every event, and every part of a step or of an evaluation that is done. Before the first steps, while
it starts, loads and tokenises, every line that it prints is one as well, such as a progress bar; it is called stuck
after three times as long, and ended after six times: then it begins again. The run's fact `stuck_since`
says since when there was none, for as long as it lasts; `stuck` keeps the last time it was so.
"""

import time
from pathlib import Path

from engine.errors import ConflictError
from engine.existing import existing
from engine.process import events, process, stacks
from storage import db, home
from storage.settings import settings
from storage.statuses import RUN_ALIVE, RunStatus
from storage.tables import Run, RunFacts
from storage.tables.run_facts import Stuck

STEPS = 10  # so many times a step's usual time may pass
UNPACED = 3  # times the least: while nobody knows what a step takes, and while it loads, tokenises or saves
UNPACED_END = 6  # times the least: then it is ended, before its first steps; never while it saves
WATCHED = (RunStatus.STARTING, RunStatus.RUNNING)
ANSWER_SECONDS = 3.0  # for its processes to say what they do, before they are ended
GLANCE_SECONDS = 1.0
SAVING = "saving"  # the stage


def watch(run: Run, folder: Path) -> None:
    """Notes when a running run is stuck, or goes on again; ends it to be resumed if its recipe says so."""
    if run.status not in WATCHED:
        return
    said = _sign_of_life(run, folder)
    is_stuck = said is not None and _is_stuck(run, said)
    if is_stuck == (run.facts.stuck_since is not None):
        if said is not None and is_stuck:
            _end_if_wanted(run, folder, said)
        return
    if is_stuck:
        stacks.ask(folder)
    _note(run, said if is_stuck else None)


def forget(run: Run) -> None:
    """An attempt that has ended is not stuck any more. In the caller's transaction."""
    if run.facts.stuck_since is not None:
        run.facts = run.facts.merged(RunFacts(stuck_since=None))


def ask(run_id: str) -> int:
    """Asks every process of a run that lives what it does, and says how many there are. `stacks.read` has the answers.

    Raises NotFoundError, ConflictError.
    """
    with db.reading() as session:
        run = existing(session, Run, run_id)
    if run.status not in RUN_ALIVE:
        raise ConflictError(f"The run `{run.name}` is {run.status.value}.", "Only a run that is alive can be asked.")
    return stacks.ask(home.run_folder(run.id))


def was_ended(run: Run) -> bool:
    """Whether this attempt was ended because it was stuck."""
    stuck = run.facts.stuck
    return stuck is not None and stuck.ended and stuck.attempt == run.attempt


def _sign_of_life(run: Run, folder: Path) -> float | None:
    """When there was the last one, in seconds since 1970."""
    told = events.last_written(folder)
    if _has_pace(run) or run.facts.stage == SAVING:
        return told
    signs = (told, events.last_printed(folder), run.started_at)
    return max((sign for sign in signs if sign is not None), default=None)


def _is_stuck(run: Run, said: float) -> bool:
    quiet = time.time() - said
    return quiet > GLANCE_SECONDS and quiet > _patience_seconds(run, said)


def _patience_seconds(run: Run, said: float) -> float:
    """How long it may show no sign of life, in seconds, from what its steps took so far."""
    least = settings().stuck_seconds
    if not _has_pace(run):
        return least * UNPACED
    first_step, first_at = run.facts.pace or (0, said)
    return max(least, STEPS * (said - first_at) / (run.step - first_step))


def _has_pace(run: Run) -> bool:
    """Whether it is known what a step of this attempt takes, and steps are what it should make now."""
    pace = run.facts.pace
    return pace is not None and run.step > pace[0] and run.facts.stage == "training"


def will_be_ended(run: Run) -> bool:
    """Whether a run that is stuck is ended by itself, now or later. Never while it saves: a disk may be slow."""
    return bool(run.recipe.get("restart_when_stuck")) and (_has_pace(run) or run.facts.stage != SAVING)


def seconds_to_end(run: Run) -> float:
    """How long it may show no sign of life until it is ended; 0: no longer than until it is stuck.

    Before its steps are known it is longer: to load and tokenise may take long.
    """
    return 0 if _has_pace(run) else settings().stuck_seconds * UNPACED_END


def _note(run: Run, since: float | None) -> None:
    with db.session() as session:
        row = session.get(Run, run.id, with_for_update=True)
        if row is None or row.status not in WATCHED:
            return
        row.facts = row.facts.merged(RunFacts(stuck_since=since))
        if since is not None:
            stuck = Stuck(attempt=row.attempt, step=row.step, since=since, asked_at=time.time())
            row.facts = row.facts.merged(RunFacts(stuck=stuck))
            row.eta_seconds = None


def _end_if_wanted(run: Run, folder: Path, said: float) -> None:
    stuck = run.facts.stuck
    if not will_be_ended(run) or stuck is None or time.time() - stuck.asked_at < ANSWER_SECONDS:
        return
    if time.time() - said < seconds_to_end(run):
        return
    with db.session() as session:
        row = session.get(Run, run.id, with_for_update=True)
        if row is None or row.status not in WATCHED or row.attempt != stuck.attempt:
            return
        row.facts = row.facts.merged(RunFacts(stuck=stuck.model_copy(update={"ended": True})))
    process.terminate(folder)
