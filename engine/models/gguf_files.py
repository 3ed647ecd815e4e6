"""GGUF files that become models: a file of this machine, or one that was uploaded. A worker turns them back.

What can be known from the header is said before there is a row; what a conversion finds stands on the model's card.
"""

import shutil
from pathlib import Path

from engine import names
from engine.errors import NotFoundError, RefusedError
from engine.weights import gguf_header, gguf_model
from engine.weights.files import printable
from storage import db, home
from storage.tables import Model
from storage.tables.columns import new_id

SOURCE = "gguf"
UPLOAD = "upload.gguf"  # in the model's folder, until it has been turned back
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")


def is_named(text: str) -> bool:
    """Whether somebody means a GGUF file by this, not a folder with a model."""
    return text.strip().lower().endswith(".gguf") and "\0" not in text and not _path(text).is_dir()


def _path(text: str) -> Path:
    return Path(text.strip()).expanduser()


def checked(text: str) -> str:
    """The file's path in its one spelling, when it can become a model. Raises RefusedError, NotFoundError."""
    path = _path(text) if "\0" not in text else Path()
    if not path.is_absolute():
        raise RefusedError(f"{text!r:.200} is not an absolute path.", "Write the file's full path, beginning with /.")
    try:
        path = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NotFoundError(f"There is no file {printable(text[:200])}.", "Check the path.") from error
    if home.contains(path):
        raise RefusedError(f"{path.name} belongs to the studio itself.", "Choose a file outside the studio's home.")
    if any(path.is_relative_to(folder) for folder in SYSTEM_FOLDERS):
        raise RefusedError(f"{path.name} belongs to the system.", "Choose a .gguf file.")
    check(path)
    return str(path)


def check(path: Path) -> None:
    """Raises RefusedError when its header does not hold, or it cannot become a model here."""
    gguf_model.check(gguf_header.read(path))


def take_upload(path: Path, name: str) -> Model:
    """A row, not kept yet, for a file that the studio has received; the file moves to the model's folder.

    Raises RefusedError for what cannot become a model; then the file stays where it is.
    """
    real = path.resolve()
    if not any(real.is_relative_to(folder.resolve()) for folder in (home.uploads(), home.gradio_cache())):
        raise RefusedError(f"{printable(path.name)} was not uploaded.", "Add a file of this machine by its path.")
    shown = Path(printable(names.composed(name)).replace("\\", "/")).name
    try:
        check(real)
    except RefusedError as error:
        raise RefusedError(error.message.replace(printable(real.name), shown), error.hint) from error
    model_id = new_id()
    file = home.ensure_folder(home.model_folder(model_id)) / UPLOAD
    shutil.move(real, file)
    title = shown.removesuffix(".gguf")[: names.LONGEST] or "model"
    return Model(id=model_id, source=SOURCE, source_id=str(file), name=title)


def keep(model: Model) -> Model:
    """Keeps the row of an upload. What cannot be kept leaves no file."""
    try:
        with db.session() as session:
            session.add(model)
    except BaseException:
        shutil.rmtree(home.model_folder(model.id), ignore_errors=True)
        raise
    return model


def is_upload(model: Model) -> bool:
    """Whether its file came through the browser or REST, so that its path says nothing to a person."""
    return model.source == SOURCE and Path(model.source_id).name == UPLOAD and home.contains(Path(model.source_id))


def loss(model: Model) -> str:
    """What a person should know of a model that was turned back from a quantised file; nothing of another."""
    return gguf_model.in_words((model.revision or "").split(" ")[0]) if model.source == SOURCE else ""
