"""Whatever can be asked, named by a text: `model:ID` is a base model, `run:ID` and `run:ID@STEP` what was trained.

Found from the database and the disk alone; nothing is loaded.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.subjects import subject as subjects
from engine.subjects import versions
from engine.weights import heads
from storage import db
from storage.statuses import ModelStatus
from storage.tables import Model, Run

_MODEL = re.compile(r"model:(?P<id>[0-9a-z-]{1,64})")
HOW = (
    "Write model:ID for a base model, run:ID for what a run has trained, run:ID@STEP for one of its checkpoints, "
    "or version:NAME/3 for a version of the registry."
)


@dataclass(frozen=True)
class Named:
    """A model, or weights that were trained on one. `adapter` lies beside `model_path`, which then is its base."""

    name: str  # as it is written: run:ID@STEP
    title: str  # for people
    base: Model
    model_path: Path
    adapter: Path | None = None
    run: Run | None = None

    @property
    def scores(self) -> bool:
        """Whether it answers with one number: what a run trained as a reward model, or a model with such a head."""
        if self.run is not None:
            return self.run.recipe.get("method") == "reward"
        return heads.gives_scores(self.model_path)


def find(text: str) -> Named:
    """What is named so.

    Raises RefusedError for a text that names nothing, NotFoundError, and ConflictError for what is not there yet or
    any more.
    """
    if (named := _MODEL.fullmatch(text.strip())) is not None:
        with db.reading() as session:
            return of_model(existing(session, Model, named["id"]))
    if versions.is_one(text) and (pinned := versions.pinned(text)).holds.startswith("model:"):
        return find(pinned.holds)
    if not text.strip().startswith(("run:", versions.PREFIX)):
        raise RefusedError(f"`{text.strip():.80}` is not a model, and not something that has been trained.", HOW)
    trained = subjects.look_up(text)
    title = trained.run.name if trained.step is None else f"{trained.run.name}, step {trained.step:,}"
    if trained.weights == "model":
        return Named(trained.name, title, trained.base, trained.folder, run=trained.run)
    base = of_model(trained.base)
    return Named(trained.name, title, trained.base, base.model_path, trained.folder, trained.run)


def of_model(model: Model) -> Named:
    """A base model as it is. Raises ConflictError where its files are not there."""
    if model.status != ModelStatus.READY or not model.path or not (Path(model.path) / "config.json").is_file():
        state = model.status.value if model.status != ModelStatus.READY else "its files are gone"
        raise ConflictError(f"The model `{model.name}` is not there: {state}.", "Fetch it again on the Models page.")
    return Named(f"model:{model.id}", model.name, model, Path(model.path))
