"""Endpoints from their folders: stopped, with what answered last and the alias that they follow."""

import time
from pathlib import Path
from typing import Any

from engine.registry import endpoint_files, manifests
from engine.registry.repair.rows import Outcome, project_of, put_back
from engine.serve import adapter_names
from storage import db, home
from storage.statuses import EndpointStatus
from storage.tables import AliasFollower, Backend, Endpoint, Model, RegisteredModel, Run

# Of a process that is gone, or of a deployment that was under way.
FORGOTTEN: dict[str, Any] = {
    "status": EndpointStatus.STOPPED, "address": None, "device": None, "error": None, "hint": None, "rollout": {},
    "outcome": {}, "restarts": 0,
}  # fmt: skip


def rebuild(outcome: Outcome) -> None:
    """Every endpoint that has a folder. None of them starts by itself."""
    for folder in sorted(home.folder(endpoint_files.FOLDER).glob("*")):
        manifest = manifests.read(folder)
        if manifest.get("endpoint"):
            _endpoint(folder, manifest, outcome)


def _endpoint(folder: Path, manifest: manifests.Rows, outcome: Outcome) -> None:
    values = manifest["endpoint"][0]
    called = f"The endpoint `{values.get('name', folder.name)}`"
    now = time.time()
    changed = {
        "project_id": project_of(manifest, outcome),
        "stopped_at": values.get("stopped_at") or now,
        **dict.fromkeys(("asleep_at", "waits_since", "canary_backend_id")),
    }
    if (row := put_back(Endpoint, values | changed, outcome, called)) is None:
        return
    for backend in manifest.get("backend", []):
        if gone := _gone(backend):
            outcome.notes.append(f"{called} has lost what it served: {gone} is gone.")
        else:
            put_back(Backend, backend | FORGOTTEN | {"ended_at": backend.get("ended_at") or now}, outcome, called)
    outcome.add("endpoint", row.name)
    for follower in manifest.get("alias_follower", []):
        _follow(follower, row, outcome)


def _gone(backend: dict[str, Any]) -> str:
    """What a backend needs and is not there, in words."""
    with db.reading() as session:
        model_id = backend.get("model_id")
        if model_id is not None and session.get(Model, model_id) is None:
            return f"the model {model_id}"
        runs = adapter_names.run_ids(backend.get("adapters") or [])
        return next((f"the run {run_id}" for run_id in runs if session.get(Run, run_id) is None), "")


def _follow(values: dict[str, Any], endpoint: Endpoint, outcome: Outcome) -> None:
    with db.reading() as session:
        is_there = session.get(RegisteredModel, values.get("registered_id", "")) is not None
    called = f"That the endpoint `{endpoint.name}` follows `{values.get('alias')}`"
    if not is_there:
        outcome.notes.append(f"{called} could not be made again: its model is gone from the registry.")
    elif put_back(AliasFollower, values | {"error": None, "hint": None}, outcome, called) is not None:
        outcome.add("follower", f"{endpoint.name} follows {values['alias']}")
