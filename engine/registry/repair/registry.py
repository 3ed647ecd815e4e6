"""The registry from its folders: models with their aliases and log, versions with the exports that they hold."""

from pathlib import Path
from typing import Any

from engine.registry import manifests
from engine.registry.repair.rows import Outcome, project_of, put_back
from storage import db, home
from storage.tables import Export, ModelAlias, ModelVersion, RegisteredModel, RegistryMove, Run, Work


def rebuild(outcome: Outcome) -> None:
    """Every model that has a folder in the registry."""
    for folder in sorted(home.folder(manifests.REGISTRY).glob("*")):
        manifest = manifests.read(folder)
        if not manifest.get("registered_model"):
            continue
        values = manifest["registered_model"][0] | {"project_id": project_of(manifest, outcome)}
        model = put_back(RegisteredModel, values, outcome, f"The model `{values.get('name')}` of the registry")
        if model is None:
            continue
        outcome.add("registry", model.name)
        numbers = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
        for path in sorted(numbers, key=lambda path: int(path.name)):
            _version(path, model, outcome)
        _aliases_and_log(manifest, model, outcome)


def _version(folder: Path, model: RegisteredModel, outcome: Outcome) -> None:
    manifest = manifests.read(folder)
    called = f"Version {folder.name} of `{model.name}`"
    for values in manifest.get("work", []):
        put_back(Work, values, outcome, f"The work that made the export of {called.lower()}")
    for values in manifest.get("export", []):
        put_back(Export, values, outcome, f"The export of {called.lower()}")
    for values in manifest.get("model_version", []):
        if _lost(values):
            outcome.notes.append(f"{called} could not be made again: the run {values.get('run_id')} is gone.")
        elif put_back(ModelVersion, values | {"work_id": None}, outcome, called) is not None:
            outcome.add("version", f"{model.name}/{folder.name}")


def _lost(values: dict[str, Any]) -> bool:
    with db.reading() as session:
        return values.get("run_id") is not None and session.get(Run, values["run_id"]) is None


def _aliases_and_log(manifest: manifests.Rows, model: RegisteredModel, outcome: Outcome) -> None:
    for values in manifest.get("model_alias", []):
        with db.reading() as session:
            is_there = session.get(ModelVersion, values.get("version_id", "")) is not None
        called = f"The alias `{values.get('alias')}` of `{model.name}`"
        if not is_there:
            outcome.notes.append(f"{called} could not be made again: its version is gone.")
        elif put_back(ModelAlias, values, outcome, called) is not None:
            outcome.add("alias", f"{model.name}@{values['alias']}")
    for values in manifest.get("registry_move", []):
        put_back(RegistryMove, values | {"id": None}, outcome, f"A line of the log of `{model.name}`")
