"""Base and adapter as one model: whether that can be, whether there is room, and the work that does it."""

from pathlib import Path
from typing import Any

import psutil

from engine import sizes
from engine.errors import ConflictError, DiskFullError, RefusedError
from engine.process import work
from engine.recipes.choices.tunings import TUNINGS
from engine.subjects.subject import Subject
from engine.weights import inspection
from storage import home
from storage.tables import Work

KIND, FOLDER = "export_merged", "model"
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
STORED = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}  # as safetensors spells it
SPARE_BYTES = 1 << 30  # that stays free beside it, of disk and of memory
BESIDES_BYTES = 50_000_000  # tokenizer and card


def is_needed(subject: Subject, kind: str, options: dict[str, Any]) -> bool:
    """Whether something has to be made. A whole model is there already, unless it is wanted in another precision."""
    if kind == "adapter":
        return False
    return subject.weights == "adapter" or options["dtype"] not in ("base", _dtype(subject.folder))


def refuse(subject: Subject) -> None:
    """Raises RefusedError when these weights and their base cannot become one model."""
    name = str(subject.run.recipe.get("tuning", "lora"))
    tuning = TUNINGS.get(name)
    if subject.weights == "adapter" and tuning is not None and not tuning.mergeable:
        message = f"The run `{subject.run.name}` learnt tokens that stand before every row ({name})."
        raise RefusedError(message, "No weight of a model holds them: take its adapter, and use that with the base.")
    if not subject.base.path or not Path(subject.base.path).is_dir():
        message = f"The files of the base model {subject.base.name} are not there."
        raise RefusedError(message, "Fetch or add the model again on the Models page, or take the adapter.")


def start(subject: Subject, dtype: str, card: str) -> Work:
    """Begins the merge and returns at once. Raises DiskFullError, ConflictError."""
    source = Path(str(subject.base.path)) if subject.weights == "adapter" else subject.folder
    dtype = dtype if dtype != "base" else _dtype(Path(str(subject.base.path)))
    parameters = _parameters(source, subject)
    # In memory: all of it in float32, and at the end what was saved beside what was opened again.
    _check_room(parameters * BYTES[dtype] + BESIDES_BYTES, parameters * max(4, 2 * BYTES[dtype]))
    spec = {
        "base_path": str(source),
        "adapter_path": str(subject.folder) if subject.weights == "adapter" else None,
        "scores": subject.run.recipe.get("method") == "reward",
        "dtype": dtype,
        "card": card,
    }
    return work.start(KIND, subject.run.id, spec)


def _check_room(disk_bytes: int, memory_bytes: int) -> None:
    needed, free = disk_bytes + SPARE_BYTES, home.free_bytes()
    if free < needed:
        message = f"The merged model needs {sizes.in_words(needed)} of disk, {sizes.in_words(free)} are free."
        raise DiskFullError(message, "Delete runs, exports or models that are no longer needed, or take the adapter.")
    needed, free = memory_bytes + SPARE_BYTES, psutil.virtual_memory().available
    if free < needed:
        message = f"Merging in float32 needs {sizes.in_words(needed)} of memory, {sizes.in_words(free)} are free."
        raise ConflictError(message, "Stop what else uses memory, or merge the adapter on a larger machine.")


def _parameters(folder: Path, subject: Subject) -> int:
    return inspection.inspect(folder).parameters or subject.base.parameters or 0


def _dtype(folder: Path) -> str:
    """The precision of most weights in a folder."""
    return STORED.get(inspection.inspect(folder).dtype or "", "float32")
