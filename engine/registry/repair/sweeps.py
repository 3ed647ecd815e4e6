"""Sweeps from their folders: the sweep, its trials, the picks. Trials that are younger than the file, from their runs.

One that was under way goes on when the studio starts: its trials' runs are found by their keys, as after a kill.
"""

import re
import time
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from engine.registry import kept_sweeps, manifests
from engine.registry.repair.rows import Outcome, project_of, put_back
from storage import db, home
from storage.statuses import SWEEP_MOVING, SweepStatus
from storage.sweeps import trials
from storage.tables import Run, Sweep, SweepTrial, TrialPick

_KEY = re.compile(r"sweep:[^:]+:(\d+)(?::(\d+))?")
_PHASES = {" in full:": "full", " again:": "repeat"}  # what the name of a trial's run says, after its number


def rebuild(outcome: Outcome) -> None:
    """Every sweep that has a folder, after the runs have come back."""
    for folder in sorted(home.folder(kept_sweeps.NOUN).glob("*")):
        manifest = manifests.read(folder)
        if not manifest.get("sweep"):
            outcome.notes.append(f"sweeps/{folder.name} says nothing from which a sweep could be made again.")
            continue
        values = _timed(manifest["sweep"][0], folder) | {"project_id": project_of(manifest, outcome), "question": None}
        sweep = put_back(Sweep, values, outcome, f"The sweep `{values.get('name')}`")
        if sweep is not None:
            _parts(sweep, manifest, outcome)
            outcome.add("sweep", sweep.name)
    _name_lost(outcome)


def _timed(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The time since the file was written does not count as time that the sweep ran."""
    if values.get("started_at") is None:
        return dict(values)
    ran = max(0.0, manifests.begun_at(folder) - values["started_at"])
    return values | {"seconds_before": values.get("seconds_before", 0.0) + ran, "started_at": time.time()}


def _parts(sweep: Sweep, manifest: manifests.Rows, outcome: Outcome) -> None:
    for values in manifest.get("trial", []):
        put_back(SweepTrial, values, outcome, f"Trial {values.get('number')} of `{sweep.name}`")
    for values in manifest.get("trial_pick", []):
        put_back(TrialPick, values, outcome, f"A pick of `{sweep.name}`")
    with db.reading() as session:
        known = {row.number: row for row in trials.of_sweep(session, sweep.id)}
        runs = session.exec(select(Run).where(Run.sweep_id == sweep.id).order_by(col(Run.created_at))).all()
    for run in runs:
        if matched := _KEY.fullmatch(run.idempotency_key or ""):
            number, tries = int(matched[1]), int(matched[2] or 1)
            if number not in known:
                known[number] = _younger(sweep, run, number, tries, known)
                put_back(SweepTrial, known[number].model_dump(), outcome, f"Trial {number} of `{sweep.name}`")
                _follow_again(sweep)


def _younger(sweep: Sweep, run: Run, number: int, tries: int, known: dict[int, SweepTrial]) -> SweepTrial:
    """A trial as its run tells it: the sweep looks what became of the run, as of any that it follows."""
    params = {field: run.recipe.get(field) for field in sweep.spec.get("space", {})}
    phase = next((phase for words, phase in _PHASES.items() if run.name.startswith(f"Trial {number}{words}")), "search")
    alike = (other.number for other in known.values() if other.phase == "search" and other.params == params)
    return SweepTrial(
        sweep_id=sweep.id, number=number, tries=tries, run_id=run.id, params=params, phase=phase,
        of=None if phase == "search" else next(alike, None), seed=run.recipe.get("seed") if phase == "repeat" else None,
        created_at=run.created_at, started_at=run.created_at,
    )  # fmt: skip


def _follow_again(sweep: Sweep) -> None:
    """Has a sweep that was over follow the trial that it did not know."""
    with db.session() as session:
        row = session.get_one(Sweep, sweep.id)
        if row.status not in SWEEP_MOVING:
            row.status, row.stage, row.started_at, row.ended_at = SweepStatus.RUNNING, "extra", time.time(), None


def _name_lost(outcome: Outcome) -> None:
    """Runs that are trials of a sweep of which there is neither a row nor a folder."""
    with db.reading() as session:
        there = select(Sweep.id)
        named = select(Run.sweep_id).where(col(Run.sweep_id).is_not(None), col(Run.sweep_id).not_in(there)).distinct()
        lost = session.exec(named).all()
    for sweep_id in lost:
        outcome.notes.append(f"The sweep {sweep_id} could not be made again: only its runs are there.")
