"""Models and datasets from their folders: what a run needs to have a row again."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.process import process
from engine.registry import manifests
from engine.registry.repair.rows import Outcome, project_of, put_back
from engine.weights import inspection
from storage import db, home
from storage.run_lists.hiding import SEEING
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Model

FACTS = ("architecture", "parameters", "context_length", "licence", "has_chat_template", "size_bytes")
GONE = "Its rows are gone: the file with them is not there."


def models(outcome: Outcome) -> None:
    """Every model that has a folder: by its manifest, else by what was fetched there."""
    for folder in sorted(home.folder("models").glob("*")):
        values = next(iter(manifests.read(folder).get("model") or []), None) or _fetched(folder)
        if values is None:
            continue
        values |= {"events_offset": 0, "attempt": _attempt(folder, values)}
        if values.get("status") == ModelStatus.READY and not Path(str(values.get("path"))).is_dir():
            hint = "Add it again, or put its folder back."
            values |= {"status": ModelStatus.FAILED, "error": f"Its folder {values.get('path')} is gone.", "hint": hint}
        if (row := put_back(Model, values, outcome, f"The model `{values.get('name')}`")) is not None:
            outcome.add("model", row.name)


def _attempt(folder: Path, values: dict[str, Any]) -> int:
    begun = process.last_started(folder)
    return max(begun.number if begun else 1, int(values.get("attempt") or 1))


def _fetched(folder: Path) -> dict[str, Any] | None:
    """The columns of a model that lies in its folder and has no manifest."""
    files = folder / "files"
    if not (files / "config.json").is_file():
        return None
    spec = read_spec(folder)
    name = str(spec.get("source_id") or folder.name)
    return {"id": folder.name, "source": str(spec.get("source") or "hub"), "source_id": name, **columns(files, name)}


def read_spec(folder: Path) -> dict[str, Any]:
    """What the worker of a folder was told; nothing where that cannot be read."""
    content = manifests.json_of(folder / "spec.json")
    return content if isinstance(content, dict) else {}


def columns(files: Path, name: str) -> dict[str, Any]:
    """The columns of a model in a folder."""
    inspected = inspection.inspect(files)
    facts = {column: getattr(inspected, column) for column in FACTS}
    reason = " ".join(inspected.reasons) or None
    state = {"name": name, "path": str(files), "status": ModelStatus.READY, "progress": 1.0}
    return {**state, **facts, "trainable": reason is None, "untrainable_reason": reason}


def datasets(outcome: Outcome) -> None:
    """Every dataset that has a folder with a manifest, versions in their order."""
    kept = [(folder, manifests.read(folder)) for folder in sorted(home.folder("datasets").glob("*"))]
    told = [(folder, manifest, manifest["dataset"][0]) for folder, manifest in kept if manifest.get("dataset")]
    for folder, manifest, values in sorted(told, key=lambda entry: entry[2].get("created_at") or 0):
        called = f"The dataset `{values.get('name')}`"
        values |= {"project_id": project_of(manifest, outcome), "events_offset": 0}
        values["attempt"] = _attempt(folder, values)
        if values.get("sha256") and not blob(str(values["sha256"])).is_file():
            values |= {"status": DatasetStatus.FAILED, "error": GONE, "hint": "Import it again.", "sha256": None}
            outcome.notes.append(f"{called} has no rows any more.")
        if (row := put_back(Dataset, values, outcome, called)) is not None:
            outcome.add("dataset", row.name)


def blob(sha256: str) -> Path:
    return home.blobs() / f"{sha256}.parquet"


def ensure_model(model_id: str, spec: dict[str, Any], outcome: Outcome) -> None:
    """A row for the model that a run was trained on, from what the run's worker was told."""
    with db.reading() as session:
        if session.get(Model, model_id, execution_options=SEEING) is not None:
            return
    path = Path(str(spec.get("model_path") or ""))
    values: dict[str, Any] = {"id": model_id, "source": "path", "source_id": str(path)}
    if path.is_absolute() and path.is_dir():
        values |= columns(path, path.name)
    else:
        hint = "Add the model again."
        values |= {
            "name": path.name or model_id,
            "status": ModelStatus.FAILED,
            "error": "Its files are gone.",
            "hint": hint,
        }
    if put_back(Model, values, outcome, f"The model `{model_id}`") is not None:
        outcome.add("model", str(values["name"]))
        outcome.notes.append(f"The model `{values['name']}` was made again from what a run says of it.")


def ensure_dataset(dataset_id: str, spec: dict[str, Any], outcome: Outcome) -> None:
    """A row for the dataset that a run learnt from, from what the run's worker was told."""
    with db.reading() as session:
        if session.get(Dataset, dataset_id, execution_options=SEEING) is not None:
            return
    path = Path(str(spec.get("dataset_path") or ""))
    name = f"dataset {dataset_id}"
    values: dict[str, Any] = {"id": dataset_id, "project_id": DEFAULT_PROJECT, "name": name, "source": "path"}
    if path.suffix == ".parquet" and blob(path.stem).is_file():
        file = blob(path.stem)
        rows = pq.read_metadata(file).num_rows
        values |= {"status": DatasetStatus.READY, "sha256": path.stem, "kind": spec.get("dataset_kind")}
        values |= {"rows": rows, "accepted": rows, "size_bytes": file.stat().st_size}
    else:
        values |= {"status": DatasetStatus.FAILED, "error": GONE, "hint": "Import it again."}
    if put_back(Dataset, values, outcome, f"The dataset `{dataset_id}`") is not None:
        outcome.add("dataset", name)
        outcome.notes.append(f"The dataset `{dataset_id}` has lost its name and where it came from.")
