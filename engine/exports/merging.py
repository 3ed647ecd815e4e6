"""Base and adapter as one model: whether that can be, and what the work that does it is told."""

from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.recipes.choices.tunings import TUNINGS
from engine.subjects.subject import Subject
from engine.weights import inspection
from storage import home

KIND, FOLDER = "export_merged", "model"
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
STORED = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}  # as safetensors spells it


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
        message = f"The run `{subject.run.name}` was trained as tokens before every row ({name})."
        raise RefusedError(message, "No weight of a model holds them: take its adapter, and use that with the base.")
    if not subject.base.path or not Path(subject.base.path).is_dir():
        message = f"The files of the base model {subject.base.name} are not there."
        raise RefusedError(message, "Fetch or add the model again on the Models page, or take the adapter.")
    config = inspection.read_config(source(subject)) or {}
    if quantised := inspection.quantisation(config):
        message = (
            f"The weights of {subject.base.name} are stored quantised ({quantised}): nothing can be added to them."
        )
        raise RefusedError(message, "Add the original model on the Models page and train with it, or take the adapter.")


def source(subject: Subject) -> Path:
    """Where the weights are that an adapter is added to; or the run's own, where it trained every weight."""
    return Path(str(subject.base.path)) if subject.weights == "adapter" else subject.folder


def dtype_of(subject: Subject, dtype: str) -> str:
    """The precision that is meant: `base` is that of the base model's files."""
    return dtype if dtype != "base" else _dtype(Path(str(subject.base.path)))


def spec(subject: Subject, dtype: str, card: str) -> dict[str, Any]:
    """What the worker is told."""
    return {
        "base_path": str(source(subject)),
        "adapter_path": str(subject.folder) if subject.weights == "adapter" else None,
        "scores": subject.run.recipe.get("method") == "reward",
        "dtype": dtype_of(subject, dtype),
        "card": card,
        "run_folder": str(home.run_folder(subject.run.id)),
    }


def parameters(subject: Subject) -> int:
    """Weights of the model that comes out, as far as the files of its base say."""
    return inspection.inspect(source(subject)).parameters or subject.base.parameters or 0


def _dtype(folder: Path) -> str:
    """The precision of most weights in a folder."""
    return STORED.get(inspection.inspect(folder).dtype or "", "float32")
