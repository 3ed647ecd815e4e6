"""Base models: added, fetched, looked at, deleted.

A row is `queued` until its fetch, a worker in models/ID, has left a whole model there; `tick` starts that worker,
imports what it reports, and after it has looked into the folder itself makes the row `ready` or `failed`. A local
folder is used where it is and ready at once. A fetch that dies without a word is tried once more by itself.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import update
from sqlmodel import Session, col

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.fit import memory as fit
from engine.process import events, process
from engine.process.plan import plan_worker
from engine.recipes import auxiliary_models
from engine.weights import inspection
from engine.weights.starter import STARTER_NAME
from storage import db, home
from storage import models as stored
from storage.statuses import RUN_MOVING, SERVING_MOVING, ModelStatus
from storage.tables import Model

__all__ = ["STARTER_NAME", "add_model", "delete_model", "look_up", "retry_model", "tick"]

Source = Literal["starter", "hub", "path"]
HUB_ID = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
HUB_URL = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/")
FACTS = ("architecture", "parameters", "context_length", "licence", "has_chat_template", "size_bytes")


def add_model(source: Source, source_id: str = "") -> Model:
    """Adds the starter, a model of the hub by its id, or a local folder by its absolute path.

    The same source again gives the row there is; one that failed is tried again. Raises RefusedError.
    """
    source_id = _checked(source, source_id)
    with db.session() as session:
        if (there := stored.by_source(session, source, source_id)) and there.status != ModelStatus.FAILED:
            return there
        if there is None:
            name = Path(source_id).name if source == "path" else source_id
            model = Model(source=source, source_id=source_id, name=name)
            if source == "path":
                model = Model(**{**model.model_dump(), **_ready(Path(source_id))})
            session.add(model)
            return model
    return retry_model(there.id)


def look_up(model_id: str) -> Model:
    """The model. Raises NotFoundError."""
    with db.reading() as session:
        return _get(session, model_id)


def retry_model(model_id: str) -> Model:
    """Fetches a failed model again; a download goes on where it was. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        model = _get(session, model_id)
        if model.status != ModelStatus.FAILED:
            raise ConflictError(f"The model {model.name} is {model.status}, not failed.", "There is nothing to retry.")
        model.status, model.attempt, model.error, model.hint = ModelStatus.QUEUED, model.attempt + 1, None, None
        model.progress, model.stage = None, ""
        return model


def delete_model(model_id: str) -> None:
    """Forgets the model and deletes what was fetched; a local folder stays. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        model = _get(session, model_id)
        _refuse_while_used(session, model)
        for backend in stored.backends_of(session, model_id):
            backend.model_id = None  # it has ended; its endpoint's history stays
        session.flush()
        session.delete(model)
    folder = home.model_folder(model_id)
    process.kill(folder)
    shutil.rmtree(folder)


def tick() -> None:
    """Moves every model that is being fetched one step on. Called once a second, by one reconciler."""
    with db.reading() as session:
        moving = stored.moving(session)
    for model in moving:
        _advance(model)


def _advance(model: Model) -> None:
    folder = home.model_folder(model.id)
    if not process.was_started(folder, model.attempt):
        return _start(model, automatic=False)
    living = process.alive(folder)  # asked before reading: what a dead worker wrote is then all there
    found, offset = events.read(folder, model.events_offset)
    if found:
        _change(model, events_offset=offset, **_reported(folder, found))
    elif not living:
        _lost(model, folder)


def _start(model: Model, automatic: bool) -> None:
    folder = home.model_folder(model.id)
    spec = {"source": model.source, "source_id": model.source_id, "downloads": str(home.downloads())}
    process.start(plan_worker("fetch_model", {**spec, "automatic": automatic}, folder), folder, model.attempt)


def _reported(folder: Path, found: list[events.Event]) -> dict[str, Any]:
    """The columns that these events change."""
    changes: dict[str, Any] = {}
    for event in found:
        match event:
            case events.Progress(done=done, total=total, stage=stage):
                changes |= {"progress": min(done / total, 1.0) if total else None, "stage": stage}
            case events.Failed(message=message, hint=hint):
                changes |= {"status": ModelStatus.FAILED, "progress": None, "error": message, "hint": hint}
            case events.Finished(result=result):
                changes |= _fetched(folder / "files") | {"revision": result.get("revision")}
    return changes


def _fetched(files: Path) -> dict[str, Any]:
    if (files / "config.json").is_file():
        return _ready(files)
    error = "The fetch said that it was done, but left no model."
    return {"status": ModelStatus.FAILED, "progress": None, "stage": "", "error": error, "hint": "Retry it."}


def _ready(files: Path) -> dict[str, Any]:
    """The columns of a model whose folder is there: what it is, and whether it can be trained here."""
    found = inspection.inspect(files)
    facts = {name: getattr(found, name) for name in FACTS}
    reason = " ".join(found.reasons) or fit.too_big(str(files)) or None
    state = {"status": ModelStatus.READY, "path": str(files), "progress": 1.0, "stage": ""}
    return {**state, **facts, "trainable": reason is None, "untrainable_reason": reason}


def _lost(model: Model, folder: Path) -> None:
    """Its process is gone and said nothing: killed, out of memory, or the machine was switched off."""
    process.sweep(folder)
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    code = process.exit_code(folder, model.attempt)
    if not spec["automatic"] and _change(model, attempt=model.attempt + 1, progress=None, stage="trying again"):
        with db.reading() as session:
            return _start(_get(session, model.id), automatic=True)
    last = process.tail(folder / "output.log", lines=3)
    error = (
        f"The fetch of {model.name} died twice without a word (exit code {code if code is not None else 'unknown'})."
    )
    hint = f"Retry it; a download goes on where it was. Its last words: {last or 'none'}"
    _change(model, status=ModelStatus.FAILED, progress=None, stage="", error=error, hint=hint)
    return None


def _change(model: Model, **changes: Any) -> bool:
    """Writes columns if the model is still in the attempt that they are about; says whether it was."""
    same = (col(Model.id) == model.id, col(Model.status) == ModelStatus.QUEUED, col(Model.attempt) == model.attempt)
    with db.session() as session:
        return session.scalar(update(Model).where(*same).values(**changes).returning(col(Model.id))) is not None


def _get(session: Session, model_id: str) -> Model:
    model = stored.get(session, model_id)
    if model is None:
        raise NotFoundError(f"There is no model {model_id!r:.80}.", "See the Models page for those there are.")
    return model


def _refuse_while_used(session: Session, model: Model) -> None:
    runs = stored.used_by(session, model.id)
    if moving := [run for run in runs if run.status in RUN_MOVING]:
        names = ", ".join(run.name for run in moving[:5])
        raise ConflictError(f"The model {model.name} is being trained ({names}).", "Stop that run first.")
    if asking := auxiliary_models.asked_by(session, model.id):
        message = f"The run {asking[0].name} asks the model {model.name} while it trains."
        raise ConflictError(message, "Stop that run first.")
    if any(backend.status in SERVING_MOVING for backend in stored.backends_of(session, model.id)):
        raise ConflictError(f"The model {model.name} is being served.", "Stop its endpoint on the Serve page first.")
    if runs:
        message = f"{len(runs)} runs were trained on {model.name}, and their adapters are of no use without it."
        raise ConflictError(message, "Delete those runs first.")


def _checked(source: str, source_id: str) -> str:
    """The source's id in its one spelling. Raises RefusedError for one that cannot be."""
    match source:
        case "starter":
            return STARTER_NAME
        case "hub":
            return _hub_id(source_id)
        case "path":
            return str(_local_folder(source_id))
    raise RefusedError(f"{source!r:.80} is no source of models.", "Use starter, hub or path.")


def _hub_id(text: str) -> str:
    name = HUB_URL.sub("", text.strip()).strip("/")
    if not HUB_ID.fullmatch(name) or ".." in name or "--" in name or name.endswith((".git", ".", "-")):
        raise RefusedError(f"{text!r:.120} is no name of a hub model.", "Write it as on the hub: owner/name.")
    return name


def _local_folder(text: str) -> Path:
    path = Path(text.strip()).expanduser() if "\0" not in text else Path()
    if not path.is_absolute():
        raise RefusedError(f"{text!r:.200} is no absolute path.", "Write the whole path of the folder, from / on.")
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise RefusedError(f"{str(path)[:200]} {what}.", "Choose the folder that holds config.json and the weights.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise RefusedError(f"{str(path)[:200]} may not be read.", "Give the studio's user the right to read it.")
    if not inspection.looks_like_model(path):
        hint = "Choose the folder that holds config.json and model.safetensors."
        raise RefusedError(f"{str(path)[:200]} holds no model.", hint)
    return path.resolve()
