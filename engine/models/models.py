"""Base models: added, fetched, looked at, deleted.

A row is `queued` until its fetch, a worker in models/ID, has left a whole model there; `tick` starts that worker,
imports what it reports, and after it has looked into the folder itself makes the row `ready` or `failed`. A local
folder is used where it is and ready at once. A fetch that dies without a word is tried once more by itself. Folders are
looked into before a transaction begins, and by the reconciler in another thread: they are a stranger's.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import update
from sqlmodel import col

from engine import names
from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.fit import memory
from engine.models import gguf_files, looks
from engine.process import attempts, events, process, queue, rounds
from engine.process.answers import Answers
from engine.process.attempts import State
from engine.process.plan import Plan, plan_worker
from engine.weights import inspection
from engine.weights.starter import STARTER_NAME
from storage import db, home, models, moving
from storage.statuses import ModelStatus
from storage.tables import Model

Source = Literal["starter", "hub", "path", "gguf"]
NOUN = "models"
STOPPED = "The download was stopped."
_inspections: Answers[dict[str, Any]] = Answers("inspection", is_news=True)  # by model and attempt: the fetched folder
FACTS = ("architecture", "parameters", "context_length", "licence", "has_chat_template", "size_bytes")


def add_model(source: Source, source_id: str = "") -> Model:
    """Adds the starter, a model of the hub by its id, or by its absolute path a local folder or a GGUF file.

    The same source again gives the row there is: one that failed is tried again, and a local folder is looked at again,
    as its files may have changed. Raises RefusedError, NotFoundError.
    """
    source = "gguf" if source == "path" and gguf_files.is_named(source_id) else source
    source_id = _checked_source_id(source, source_id)
    with db.reading() as session:
        model = models.by_source(session, source, source_id)
    if model is None:
        model = _insert(_new_model(source, source_id))
        queue.ring(begin, model.id)
    elif source == "path" and model.status == ModelStatus.READY:
        return _looked_at_again(model.id, Path(source_id))
    return retry_model(model.id) if model.status == ModelStatus.FAILED else model


def _looked_at_again(model_id: str, folder: Path) -> Model:
    columns = _ready_columns(folder)
    with db.session() as session:
        model = existing(session, Model, model_id)
        model.sqlmodel_update(columns)
    return model


def add_upload(path: Path, name: str) -> Model:
    """Adds a GGUF file that the studio has received as `name`. Raises RefusedError; then the file stays where it is."""
    model = gguf_files.keep(gguf_files.take_upload(path, name))
    queue.ring(begin, model.id)
    return model


def _new_model(source: Source, source_id: str) -> Model:
    path = Path(source_id)
    if source != "path":
        return Model(source=source, source_id=source_id, name=path.stem if source == "gguf" else source_id)
    return Model(source=source, source_id=source_id, name=path.name, **_ready_columns(path))


def _insert(model: Model) -> Model:
    """The row, or the one that another call has made of the same source in the same instant."""
    with db.session() as session:
        if (existing_model := models.by_source(session, model.source, model.source_id)) is not None:
            return existing_model
        session.add(model)
    return model


def look_up(model_id: str) -> Model:
    """The model. Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Model, model_id)


def retry_model(model_id: str) -> Model:
    """Fetches a failed model again; a download goes on where it was. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        model = existing(session, Model, model_id)
        if model.status != ModelStatus.FAILED:
            raise ConflictError(f"The model {model.name} is {model.status}, not failed.", "There is nothing to retry.")
        model.status, model.attempt, model.error, model.hint = ModelStatus.QUEUED, model.attempt + 1, None, None
        model.progress, model.stage = None, ""
    queue.ring(begin, model.id)
    return model


def cancel_model(model_id: str) -> Model:
    """Ends a fetch; what has arrived whole stays for a retry. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        model = existing(session, Model, model_id)
        if model.status != ModelStatus.QUEUED:
            raise ConflictError(f"The model {model.name} is {model.status}, not being fetched.", "Nothing was stopped.")
        model.status, model.progress, model.stage = ModelStatus.FAILED, None, ""
        model.error, model.hint = STOPPED, "Retry goes on with what has arrived; Delete removes it."
    folder = home.model_folder(model.id)
    with attempts.starting(folder) as alone:
        if alone and not process.was_started(folder, model.attempt):
            process.forbid(folder, model.attempt)  # it waited for its turn, and gets none
    process.end(folder)
    _, offset = events.read(folder, model.events_offset)
    with db.session() as session:  # what it said before it ended is nothing that a retry says
        query = update(Model).where(col(Model.id) == model_id, col(Model.attempt) == model.attempt)
        session.connection().execute(query.values(events_offset=offset))
    return look_up(model_id)


def tick() -> None:
    """Moves every model that is being fetched, or looked at, one step on. Called once a second, by one reconciler."""
    rounds.each(NOUN, Model, moving.models, _advance)
    rounds.each(NOUN, Model, moving.models_to_look_at, looks.advance)


@queue.huey.task()
def begin(model_id: str) -> None:
    """Starts the fetch of a model that has just been added."""
    with db.reading() as session:
        model = models.get(session, model_id)
    if model is not None and model.status == ModelStatus.QUEUED:
        _start(model, automatic=False)


def _advance(model: Model) -> None:
    folder = home.model_folder(model.id)
    seen = attempts.look(folder, model.attempt, model.events_offset)
    if seen.state is State.NEW:
        _start(model, automatic=False)
    elif seen.is_news:
        if (columns := _reported_columns(model, folder, seen.events)) is not None:
            _change(model, events_offset=seen.offset, **columns)
    elif seen.over:
        _retry_or_fail(model, folder)


def _start(model: Model, automatic: bool) -> None:
    folder = home.model_folder(model.id)
    attempts.start(folder, model.attempt, lambda: _plan(model, folder, automatic))


def _plan(model: Model, folder: Path, automatic: bool) -> Plan:
    spec = {"source": model.source, "source_id": model.source_id, "downloads": str(home.downloads())}
    return plan_worker("fetch_model", {**spec, "automatic": automatic}, folder)


def _reported_columns(model: Model, folder: Path, new_events: list[events.Event]) -> dict[str, Any] | None:
    """The columns that these events change; None while the folder is still being looked into."""
    changes: dict[str, Any] = {}
    for event in new_events:
        match event:
            case events.Progress(done=done, total=total, stage=stage):
                changes |= {"progress": min(done / total, 1.0) if total else None, "stage": stage}
            case events.Failed(message=message, hint=hint):
                changes |= {"status": ModelStatus.FAILED, "progress": None, "error": message, "hint": hint}
            case events.Finished(result=result):
                inspection = _inspections.to(f"{model.id} {model.attempt}", lambda: _fetched_columns(folder / "files"))
                if inspection is None:
                    return None
                changes |= inspection.value | {"revision": result.get("revision")}
    return changes


def _fetched_columns(files: Path) -> dict[str, Any]:
    if (files / "config.json").is_file():
        return _ready_columns(files)
    error = "The fetch ended, but left no model."
    return {"status": ModelStatus.FAILED, "progress": None, "stage": "", "error": error, "hint": "Retry it."}


def _ready_columns(files: Path) -> dict[str, Any]:
    """The columns of a model whose folder is there: what it is, and whether it can be trained here."""
    inspected = inspection.inspect(files)
    facts = {name: getattr(inspected, name) for name in FACTS}
    reason = " ".join(inspected.reasons) or memory.too_big(str(files)) or None
    state = {"status": ModelStatus.READY, "path": str(files), "progress": 1.0, "stage": ""}
    return {**state, **facts, "trainable": reason is None, "untrainable_reason": reason}


def _retry_or_fail(model: Model, folder: Path) -> None:
    """Its process is gone and said nothing: killed, out of memory, or the machine was switched off."""
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    if not spec["automatic"]:
        if _change(model, attempt=model.attempt + 1, progress=None, stage="trying again"):
            _start(look_up(model.id), automatic=True)
        return
    code = process.exit_code(folder, model.attempt)
    code_words = code if code is not None else "unknown"
    error = f"The fetch of {model.name} died twice without an error message (exit code {code_words})."
    words = attempts.last_words(folder, 3) or "none"
    hint = f"Retry it; a download continues where it stopped. Its last lines: {words}"
    _change(model, status=ModelStatus.FAILED, progress=None, stage="", error=error, hint=hint)


def _change(model: Model, **changes: Any) -> bool:
    """Writes columns if the model is still being fetched and nobody has moved it on; says whether it was so."""
    is_being_fetched = (col(Model.id) == model.id, col(Model.status) == ModelStatus.QUEUED)
    is_unmoved = (col(Model.attempt) == model.attempt, col(Model.events_offset) == model.events_offset)
    query = update(Model).where(*is_being_fetched, *is_unmoved).values(**changes).returning(col(Model.id))
    with db.session() as session:
        return session.scalar(query) is not None


def _checked_source_id(source: str, source_id: str) -> str:
    """The source's id in its one spelling. Raises RefusedError for one that cannot be."""
    match source:
        case "starter":
            return STARTER_NAME
        case "hub":
            return names.hub_id(source_id, "model")
        case "path":
            return str(_local_folder(source_id))
        case "gguf":
            return gguf_files.checked(source_id)
    raise RefusedError(f"{source!r:.80} is not a source of models.", "Use starter, hub, path or gguf.")


def _local_folder(text: str) -> Path:
    path = Path(text.strip()).expanduser() if "\0" not in text else Path()
    if not path.is_absolute():
        raise RefusedError(
            f"{text!r:.200} is not an absolute path.", "Write the full path of the folder, beginning with /."
        )
    if not path.is_dir():
        problem = "is a file, not a folder" if path.exists() else "does not exist"
        raise RefusedError(f"{str(path)[:200]} {problem}.", "Choose the folder that holds config.json and the weights.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise RefusedError(f"{str(path)[:200]} cannot be read.", "Give the studio's user the right to read it.")
    if not inspection.looks_like_model(path):
        hint = "Choose the folder that holds config.json and model.safetensors."
        raise RefusedError(f"{str(path)[:200]} contains no model.", hint)
    return path.resolve()
