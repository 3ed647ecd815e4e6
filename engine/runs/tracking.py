"""Keeps a tracker's own process going for each run that reports to one, beside the run and never in its way.

It lives in RUN/tracking/NAME as a worker of its own. `tick` starts it with the run, starts it anew when it died or the
run got another attempt, and asks it to finish when the run has ended. What it says of itself is in its state.json.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.process import attempts, events, logs, process, rounds
from engine.process.plan import plan_worker
from engine.recipes.choices import trackers
from storage import home, moving
from storage.statuses import RUN_ALIVE, RunStatus
from storage.tables import Run

AGAIN_SECONDS = 20.0  # between two starts of the same tracker's process
MOST_STARTS = 30
FOLLOWED_SECONDS = 3600.0  # after the end of a run: a studio that was away comes back to what is not delivered


@dataclass(frozen=True)
class Delivery:
    """How far a tracker is with a run, for its page."""

    tracker: str
    points: int
    where: str
    error: str
    finished: bool


def tick() -> None:
    """One look at every run that reports somewhere and is alive, or has ended lately."""
    since = time.time() - FOLLOWED_SECONDS
    rounds.each("tracking", Run, lambda session: moving.reporting_runs(session, since), _look_after_all)


def _look_after_all(run: Run) -> None:
    for name in trackers.chosen(str(run.recipe["report_to"])):
        with logs.kept_going("tracking", run.id):
            _look_after(run, name)


def _look_after(run: Run, name: str) -> None:
    if run.status == RunStatus.QUEUED or name not in trackers.TRACKERS or not trackers.installed(name):
        return
    out = folder(run.id, name)
    if process.alive(out):
        if run.status not in RUN_ALIVE:
            process.request_stop(out)
    elif not _done(out, run.attempt) and _may_start(out):
        _start(run, name, out)


def folder(run_id: str, name: str) -> Path:
    """Where a tracker's process keeps what it knows of a run."""
    return home.run_folder(run_id) / "tracking" / name


def end(run_id: str) -> None:
    """Ends the trackers' processes of a run that is being deleted."""
    for out in (home.run_folder(run_id) / "tracking").glob("*"):
        process.end(out)


def _may_start(out: Path) -> bool:
    """Not at once again, and not for ever."""
    begun = process.last_started(out)
    return begun is None or (begun.number < MOST_STARTS and time.time() - begun.at > AGAIN_SECONDS)


def _start(run: Run, name: str, out: Path) -> None:
    begun = process.last_started(out)
    spec = {
        "tracker": name,
        "run_id": run.id,
        "attempt": run.attempt,
        "name": run.name,
        "project": run.recipe.get("tracker_project") or "tunesmith",
        "recipe": run.recipe,
        "run_folder": str(home.run_folder(run.id)),
        "store": str(home.folder("trackers", name)),
    }
    number = begun.number + 1 if begun else 1
    attempts.start(out, number, lambda: plan_worker("track", spec, out), trackers.secrets(name))


def _done(out: Path, attempt: int) -> bool:
    """Whether that attempt of the run is delivered, or was given up."""
    for event in _endings(out):
        if isinstance(event, events.Failed) and event.category != "network":
            return True  # trying again would fail again
        if isinstance(event, events.Finished) and event.result.get("attempt", 0) >= attempt:
            return True
    return False


def _endings(out: Path) -> list[events.Event]:
    return [event for event in events.read(out)[0] if isinstance(event, events.Finished | events.Failed)]


def deliveries(run: Run) -> list[Delivery]:
    """How far each tracker of a run is, in the recipe's order."""
    return [_delivery(run, name) for name in trackers.chosen(str(run.recipe.get("report_to") or ""))]


def _delivery(run: Run, name: str) -> Delivery:
    out = folder(run.id, name)
    state = _state(out)
    failed = [event.message for event in _endings(out) if isinstance(event, events.Failed)]
    error = str(state.get("error") or "") or (failed[-1] if failed else "")
    done = _done(out, run.attempt)
    return Delivery(name, int(state.get("points") or 0), str(state.get("where") or ""), logs.redact(error), done)


def _state(out: Path) -> dict[str, Any]:
    try:
        state = json.loads((out / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
