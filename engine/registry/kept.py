"""What a version holds: a run's result, an export or a model, found and refused in words; and where its files lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.exports import exports
from engine.registry import files, lineage
from engine.subjects import subject as subjects
from storage import db, models
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import DEFAULT_PROJECT, Export, Model, ModelVersion, Run, Work

HOW = "Give one of run_id, export_id and model_id."
KINDS = ("adapter", "merged", "quantized", "gguf", "imported")


@dataclass(frozen=True)
class Kept:
    """What is to become a version."""

    kind: str
    folders: files.Folders  # of its own files, and of those of its base under `base/`
    lineage: dict[str, Any]
    project_id: str
    run_id: str | None = None  # what it holds: a run, an export with its run, or a model
    export_id: str | None = None
    model_id: str | None = None


def of(run_id: str | None = None, export_id: str | None = None, model_id: str | None = None) -> Kept:
    """Raises RefusedError for none or several of them, NotFoundError, ConflictError for what is not finished."""
    given = [name for name in (run_id, export_id, model_id) if name]
    if len(given) != 1:
        raise RefusedError(f"A version holds one thing, and {len(given) or 'none'} was named.", HOW)
    if run_id:
        return _of_run(run_id)
    return _of_export(str(export_id)) if export_id else _of_model(str(model_id))


def _of_run(run_id: str) -> Kept:
    subject = subjects.look_up(f"run:{run_id.removeprefix('run:')}")
    kind = "adapter" if subject.weights == "adapter" else "merged"
    with db.reading() as session:
        told = lineage.of_run(session, subject.run, subject.base)
    return Kept(kind, _folders(kind, subject.folder, subject.base), told, subject.run.project_id, run_id=subject.run.id)


def _of_export(export_id: str) -> Kept:
    export, made_by = exports.look_up(export_id)
    if made_by is not None and made_by.status != WorkStatus.SUCCEEDED:
        hint = made_by.error or "Wait until it has succeeded."
        raise ConflictError(f"The export `{export_id}` is {made_by.status.value}.", hint)
    folder = exports.folder(export, made_by)
    with db.reading() as session:
        run = existing(session, Run, export.run_id)
        base = existing(session, Model, run.model_id)
        told = lineage.of_run(session, run, base) | {"export": lineage.of_export(export, made_by)}
    return Kept(export.kind, _folders(export.kind, folder, base), told, run.project_id, run.id, export.id)


def _of_model(model_id: str) -> Kept:
    with db.reading() as session:
        model = existing(session, Model, model_id)
    if model.status != ModelStatus.READY or not model.path:
        raise ConflictError(f"The model {model.name} is {model.status.value}.", "Wait until it is ready.")
    told = {"base": lineage.of_model(model)}
    return Kept("imported", {"": Path(model.path)}, told, DEFAULT_PROJECT, model_id=model.id)


def _folders(kind: str, folder: Path, base: Model) -> files.Folders:
    with_base = kind == "adapter" and base.path and Path(base.path).is_dir()
    return {"": folder, files.BASE: Path(str(base.path))} if with_base else {"": folder}


def folders(session: Session, version: ModelVersion) -> files.Folders:
    """Where the files of a version lie. Raises NotFoundError or ConflictError when what it holds is gone."""
    if version.model_id is not None:
        return {"": Path(str(existing(session, Model, version.model_id).path))}
    run = existing(session, Run, str(version.run_id))
    base = models.get(session, run.model_id) or Model(source="", source_id="", name="")
    return _folders(version.kind, _own_folder(session, version), base)


def _own_folder(session: Session, version: ModelVersion) -> Path:
    if version.export_id is None:
        return subjects.look_up(f"run:{version.run_id}").folder
    export = existing(session, Export, version.export_id)
    return exports.folder(export, session.get(Work, export.work_id) if export.work_id else None)
