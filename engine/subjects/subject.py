"""What a run has trained, named by a text: `run:ID` is its result, `run:ID@STEP` one of its checkpoints.

`version:NAME/3` and `version:NAME@ALIAS` name what a version of the registry holds: see engine.subjects.versions.

A subject is found from the database and the run's folder alone; nothing of it is loaded.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.subjects import versions
from engine.weights import checkpoints
from storage import db, home, models
from storage.statuses import RUN_MOVING, RunStatus
from storage.tables import Model, Run

LONGEST = 200
_RUN = re.compile(r"run:(?P<id>[0-9a-z-]{1,64})(?:@(?P<step>[0-9]{1,12}))?")
HOW = "Write run:ID for what a run has trained, or run:ID@STEP for one of its checkpoints."

Weights = Literal["adapter", "model"]  # LoRA and its like, beside their base; or every weight


@dataclass(frozen=True)
class Subject:
    """Weights that a run has trained, and the base they began from."""

    name: str  # as it is written: run:ID@STEP
    run: Run
    base: Model
    folder: Path
    weights: Weights
    step: int | None = None  # of the checkpoint; None for the run's result


def look_up(text: str) -> Subject:
    """The subject of that name.

    Raises RefusedError for a text that is none, NotFoundError for a run or step that is not there, ConflictError for
    a run that has nothing yet. The hint names what there is.
    """
    if versions.is_one(text):
        return _of_version(versions.pinned(text))
    named = _RUN.fullmatch(text.strip())
    if named is None:
        raise RefusedError(f"`{text.strip():.80}` is not something that has been trained.", HOW)
    with db.reading() as session:
        run = existing(session, Run, named["id"])
        base = models.get(session, run.model_id)
    if base is None:
        raise NotFoundError(f"The base model of the run `{run.name}` is not there.", "Add it again on the Models page.")
    return _result(run, base) if named["step"] is None else _checkpoint(run, base, int(named["step"]))


def _of_version(pinned: versions.Pinned) -> Subject:
    """What a version holds: a run's result under the run's own name, or the files of an export under the version's."""
    subject = look_up(pinned.holds)
    if pinned.folder is None:
        return subject
    if not pinned.folder.is_dir() or not home.contains(pinned.folder):
        raise ConflictError(f"The files of {pinned.name} are gone.", "Make the export again, and keep it anew.")
    return replace(subject, name=pinned.name, folder=pinned.folder, weights=weights_in(pinned.folder), step=None)


def _result(run: Run, base: Model) -> Subject:
    folder = home.run_folder(run.id) / (run.artifact or "")
    if run.status != RunStatus.SUCCEEDED or not run.artifact or not folder.is_dir() or not home.contains(folder):
        message = f"The run `{run.name}` has no trained model ({run.status.value})."
        steps = [] if run.status in RUN_MOVING else _whole_steps(run)
        raise ConflictError(message, _offer(run, steps) or "Wait until it has succeeded, or choose another run.")
    return Subject(f"run:{run.id}", run, base, folder, weights_in(folder))


def _checkpoint(run: Run, base: Model, step: int) -> Subject:
    name = f"run:{run.id}@{step}"
    if run.status in RUN_MOVING:
        message = f"The run `{run.name}` is {run.status.value}: its checkpoints come and go."
        raise ConflictError(message, "Wait until it has ended, or stop it.")
    steps = _whole_steps(run)
    if step not in steps:
        hint = _offer(run, steps) or "It has no checkpoint any more."
        raise NotFoundError(f"The run `{run.name}` has no whole checkpoint at step {step:,}.", hint)
    folder = checkpoints.folder_of(home.run_folder(run.id)) / f"checkpoint-{step}"
    return Subject(name, run, base, folder, weights_in(folder), step)


def _whole_steps(run: Run) -> list[int]:
    return [
        checkpoints.step_of(path)
        for path in checkpoints.in_order(home.run_folder(run.id))
        if checkpoints.is_complete(path)
    ]


def _offer(run: Run, steps: list[int]) -> str:
    named = [f"run:{run.id}"] if run.status == RunStatus.SUCCEEDED and run.artifact else []
    named += [f"run:{run.id}@{step}" for step in steps]
    return f"There is: {', '.join(named)}." if named else ""


def weights_in(folder: Path) -> Weights:
    """Which kind of weights a folder holds. Raises RefusedError when they are in pieces of several processes."""
    if (folder / "adapter_config.json").is_file() and (folder / "adapter_model.safetensors").is_file():
        return "adapter"
    if (folder / "config.json").is_file() and any(folder.glob("model*.safetensors")):
        return "model"
    raise RefusedError(
        f"{folder.name} holds no weights that can be opened by themselves.",
        "A training that was spread over several processes keeps its checkpoints in pieces. Take the run's result.",
    )
