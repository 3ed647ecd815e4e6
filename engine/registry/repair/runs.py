"""Runs from their folders: the recipe from the manifest or the spec, the numbers from the events, the end judged anew.

A run that lives is taken up where it is; one that died while the database was gone is what its folder says, and goes
on only when a person resumes it.
"""

from pathlib import Path
from typing import Any

from engine.process import attempts, devices, events, process
from engine.registry import manifests
from engine.registry.repair import sources
from engine.registry.repair.rows import Outcome, project_of, put_back
from engine.runs import ingest, machine_samples, verdict
from storage import db, home
from storage.statuses import RUN_MOVING, RunStatus
from storage.tables import DEFAULT_PROJECT, Lease, Run

KEPT = ("facts", "step", "loss", "tokens_per_second", "max_steps", "eta_seconds")  # as the database had them last


def rebuild(outcome: Outcome) -> None:
    """Every run that has a folder."""
    for folder in sorted(home.folder("runs").glob("*")):
        manifest = manifests.read(folder)
        spec = sources.read_spec(folder)
        told = next(iter(manifest.get("run") or []), None)
        values = dict(told) if told else _from_spec(folder, spec)
        if values is None:
            outcome.notes.append(f"runs/{folder.name} says nothing from which a run could be made again.")
            continue
        _rebuild(folder, values, spec, project_of(manifest, outcome), outcome, bool(told))


def _from_spec(folder: Path, spec: dict[str, Any]) -> dict[str, Any] | None:
    """The columns of a run whose worker was told a recipe; its name is lost."""
    recipe, begun = spec.get("recipe"), process.last_started(folder)
    if not isinstance(recipe, dict) or begun is None or not {"model_id", "dataset_id"} <= recipe.keys():
        return None
    return {
        "id": folder.name,
        "project_id": DEFAULT_PROJECT,
        "name": f"run {folder.name}",
        "model_id": recipe["model_id"],
        "dataset_id": recipe["dataset_id"],
        "recipe": recipe,
        "status": RunStatus.RUNNING,
        "device": spec.get("device"),
        "created_at": begun.at,
        "started_at": begun.at,
        "facts": {},
    }


def _rebuild(
    folder: Path, values: dict[str, Any], spec: dict[str, Any], project_id: str, outcome: Outcome, is_told: bool
) -> None:
    sources.ensure_model(str(values["model_id"]), spec, outcome)
    sources.ensure_dataset(str(values["dataset_id"]), spec, outcome)
    begun = process.last_started(folder)
    values |= {"project_id": project_id, "events_offset": 0, "samples_offset": 0}
    values["attempt"] = max(begun.number if begun else 1, int(values.get("attempt") or 1))
    if values["status"] in RUN_MOVING:
        values["status"] = RunStatus.QUEUED if begun is None else RunStatus.RUNNING
    row = put_back(Run, values, outcome, f"The run `{values.get('name')}`")
    if row is None:
        return
    moves = row.status in RUN_MOVING
    row = _read_events(row, folder)
    if is_told and not moves:
        _as_it_was(row.id, values)
    elif row.status == RunStatus.RUNNING:
        _take_up_or_judge(row, folder)
    outcome.add("run", row.name)
    if not is_told:
        outcome.notes.append(f"The run `{row.name}` has lost its name and its project.")


def _read_events(run: Run, folder: Path) -> Run:
    """The run after everything that its worker ever said."""
    while True:
        seen = attempts.look(folder, run.attempt, run.events_offset)
        newer = ingest.take_in(run, seen) if seen.is_news else None
        if newer is None:
            machine_samples.take_in(run, folder, is_over=True)
            return run
        run = newer


def _as_it_was(run_id: str, values: dict[str, Any]) -> None:
    told = Run.model_validate(values)
    with db.session() as session:
        row = session.get_one(Run, run_id)
        for name in KEPT:
            setattr(row, name, getattr(told, name))


def _take_up_or_judge(run: Run, folder: Path) -> None:
    if process.alive(folder):
        with db.session() as session:
            lease = Lease(holder_id=run.id, holder_kind="run", device=run.device or devices.CPU, exclusive=True)
            session.merge(lease)
        return
    record = process.exit_record(folder, run.attempt)
    stopping = (folder / process.STOP).exists()
    ended = verdict.judge(verdict.End(folder, stopping, run.facts.ending, record, attempts.last_words(folder)))
    at = float(record["at"]) if record and "at" in record else events.last_written(folder)
    with db.session() as session:
        row = session.get_one(Run, run.id)
        row.status, row.artifact, row.error, row.hint = ended.status, ended.artifact, ended.error, ended.hint
        row.ended_at, row.eta_seconds = at, None
