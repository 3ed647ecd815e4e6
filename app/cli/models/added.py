"""`tunesmith model list`, `add` and `delete`: the base models of the studio."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import ModelName
from app.cli.printed import answer, as_json, say, say_json
from app.cli.rows.words import Description, NewName, Tags, asked
from app.cli.undone import UndoId, say_undo, say_undone
from engine import sizes
from engine.errors import TunesmithError
from engine.models import deleting, gguf_files, listing, models
from storage import db
from storage import models as stored
from storage.statuses import ModelStatus
from storage.tables import Model

SHOWN = (
    "id", "name", "source", "source_id", "status", "progress", "stage", "architecture", "parameters",
    "context_length", "licence", "size_bytes", "trainable", "untrainable_reason", "error", "hint", "created_at",
)  # fmt: skip


def list_models() -> None:
    """List base models, the newest first: id, status, size, name, and why one cannot be trained here."""
    db.prepare()
    with db.reading() as session:
        listed = stored.recent(session)
    if as_json():
        return say_json([facts(model) for model in listed])
    for model in listed:
        say(_line(model))
    return None


def facts(model: Model) -> dict[str, Any]:
    """What is known of a model, as JSON takes it."""
    return {name: getattr(model, name) for name in SHOWN}


def _line(model: Model) -> str:
    size = sizes.in_words(model.size_bytes) if model.size_bytes else ""
    reason = model.error or model.untrainable_reason
    return f"{model.id}  {model.status.value:<7} {size:>9}  {model.name}{f'  ({reason})' if reason else ''}"


def add(
    source: Annotated[str, typer.Argument(help="starter, a folder, a .gguf file, or an id on the hub.")] = "starter",
) -> None:
    """Fetch a base model, or turn a GGUF file back into one, and wait until it is ready."""
    with running_studio.engine(True):
        finished = _followed(_added(source).id)
    answer(facts(finished))


def _followed(model_id: str) -> Model:
    """The model when it is ready. Raises TunesmithError."""
    finished = running_studio.follow(
        lambda: models.look_up(model_id), lambda row: row.status != ModelStatus.QUEUED, _progress, say
    )
    if finished.status == ModelStatus.FAILED:
        raise TunesmithError(finished.error or "The download of the model failed.", finished.hint or "")
    if loss := gguf_files.loss(finished):
        say(loss)
    return finished


def _added(source: str) -> Model:
    if source == "starter":
        return models.add_model("starter")
    path = Path(source)
    is_here = path.is_dir() or path.suffix.lower() == ".gguf"
    return models.add_model("path", str(path.absolute())) if is_here else models.add_model("hub", source)


def _progress(model: Model) -> str:
    share = f" {model.progress:.0%}" if model.progress is not None else ""
    return f"model {model.id} {model.status} {model.stage}{share}".rstrip()


def change(model_id: ModelName, name: NewName = None, tags: Tags = None, description: Description = None) -> None:
    """Give a model another name, other tags or a description. Its files stay as they are."""
    changed = listing.change(model_id, asked(name, tags, description))
    answer(facts(changed) | {"tags": changed.tags, "description": changed.description}, _line(changed))


def retry(model_id: ModelName) -> None:
    """Fetch a model again whose download has failed, and wait until it is ready."""
    with running_studio.engine(True):
        finished = _followed(models.retry_model(model_id).id)
    answer(facts(finished))


def delete(model_id: ModelName) -> None:
    """Forget a base model and delete what was fetched; a folder of yours stays. Refused while something uses it.

    `undo` brings it back for half a minute.
    """
    db.prepare()
    name = models.look_up(model_id).name
    undo_id = deleting.delete_model(model_id)
    say(f"model {model_id} {name} is deleted")
    say_undo("model", model_id, undo_id)


def undo(undo_id: UndoId = None) -> None:
    """Bring back what was deleted in the last half minute."""
    db.prepare()
    say_undone(Model, undo_id, deleting.undo)
