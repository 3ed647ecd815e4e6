"""The models that a training asks while it trains: a teacher, a reward model.

Each is named in the recipe by the id of a model of the studio, or of a run and so of what that run has left.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson
from sqlmodel import Session

from engine.errors import NotFoundError, RefusedError
from engine.recipes.choices.commas import words
from engine.recipes.recipe import Recipe
from engine.weights import files, heads, tokenizer
from storage import db, home, models, runs
from storage.statuses import ModelStatus, RunStatus
from storage.tables import Model, Run

FIELDS = ("teacher_id", "reward_model_id")
MOST_TOKENIZER_BYTES = 100 << 20  # the largest vocabularies have 35 MB
MOST_TOKENIZER_ITEMS = 8_000_000  # of lists and objects that do nothing but fill the memory


@dataclass(frozen=True)
class Companion:
    """A model beside the one that learns: its folder, and the adapter on it, where that is what the id names."""

    field: str
    id: str
    name: str
    path: Path
    adapter: Path | None
    parameters: int | None
    method: str | None  # of the run; None for a model of the list

    @property
    def tokenizer(self) -> Path:
        """The folder that its tokenizer is loaded from."""
        return self.adapter or self.path

    def as_spec(self) -> dict[str, str | None]:
        """For the worker's spec."""
        return {"path": str(self.path), "adapter": str(self.adapter) if self.adapter else None}


def field_in_use(recipe: Recipe) -> str | None:
    """The field of the recipe that names a companion; None when the training asks nobody."""
    if recipe.method == "gkd":
        return "teacher_id"
    asks_reward_model = recipe.method in ("grpo", "rloo") and "reward_model" in words(recipe.reward_funcs)
    return "reward_model_id" if asks_reward_model else None


def of(recipe: Recipe) -> Companion | None:
    """The one companion of a training, if it has any. Raises NotFoundError, RefusedError when it is not there."""
    field = field_in_use(recipe)
    if field is None:
        return None
    subject_id = str(getattr(recipe, field))
    with db.reading() as session:
        if run := runs.get(session, subject_id):
            return _left_by(run, session.get_one(Model, run.model_id), field)
        if model := models.get(session, subject_id):
            return _in_list(model, field)
    message = f"{field} names {subject_id!r:.80}, which is neither a model nor a run of the studio."
    raise NotFoundError(message if subject_id else f"{field} is empty.", "Choose one from the Models or the Runs page.")


def spec_part(recipe: Recipe) -> dict[str, dict[str, str | None]]:
    """The part of a worker's spec about it: {"companion": ...}, or nothing. Raises like `of`."""
    companion = of(recipe)
    return {"companion": companion.as_spec()} if companion else {}


def _left_by(run: Run, base: Model, field: str) -> Companion:
    folder = home.run_folder(run.id) / (run.artifact or "")
    if run.status != RunStatus.SUCCEEDED or not run.artifact or not folder.is_dir():
        message = f"{field} names the run {run.name}, which has no result ({run.status.value})."
        raise RefusedError(message, "Choose a run that has succeeded.")
    method = str(run.recipe.get("method", "sft"))
    if run.artifact == "model":
        return Companion(field, run.id, run.name, folder, None, base.parameters, method)
    return Companion(field, run.id, run.name, Path(base.path or ""), folder, base.parameters, method)


def _in_list(model: Model, field: str) -> Companion:
    if model.status != ModelStatus.READY or not model.path or not (Path(model.path) / "config.json").is_file():
        message = f"{field} names the model {model.name}, whose files are missing ({model.status.value})."
        raise RefusedError(message, "Fetch it again on the Models page, or choose another one.")
    return Companion(field, model.id, model.name, Path(model.path), None, model.parameters, None)


def runs_asking(session: Session, subject_id: str) -> list[Run]:
    """The moving runs that ask this model, or what this run has left: it must not go while they train."""
    return [run for run in runs.moving(session) if subject_id in [run.recipe.get(field) for field in FIELDS]]


def scores(companion: Companion) -> bool:
    """Whether it answers with one number: a run that trained a reward model, or a model with such a head."""
    return heads.gives_scores(companion.path) if companion.method is None else companion.method == "reward"


def same_vocabulary(first: Path, second: Path) -> bool | None:
    """Whether two tokenizers give every token the same number; None when a file does not say it."""
    vocabularies = [_vocabulary(folder, tokenizer.fingerprint(folder)) for folder in (first, second)]
    return None if None in vocabularies else vocabularies[0] == vocabularies[1]


@lru_cache(maxsize=16)
def _vocabulary(folder: Path, _fingerprint: str) -> str | None:
    """A digest of tokenizer.json's tokens and their numbers."""
    try:
        file = files.plain_file(folder, "tokenizer.json")
        if file is None or file.stat().st_size > MOST_TOKENIZER_BYTES:
            return None
        text = file.read_bytes()
        if text.count(b"{") + text.count(b"[") + text.count(b",") > MOST_TOKENIZER_ITEMS:
            return None
        content = orjson.loads(text)
        tokens = content["model"]["vocab"]
        numbers = (
            dict(tokens) if isinstance(tokens, dict) else {token[0]: position for position, token in enumerate(tokens)}
        )
        numbers |= {token["content"]: token["id"] for token in content.get("added_tokens") or []}
        return hashlib.sha256(orjson.dumps(sorted(numbers.items()))).hexdigest()
    except (OSError, ValueError, LookupError, TypeError, RefusedError):
        return None
