"""The file with the study that `optuna.load_study` opens: made by a worker when somebody asks for it."""

from pathlib import Path
from typing import Any, Literal

from engine.errors import ConflictError
from engine.process import work
from engine.sweeps import studies
from engine.sweeps.picture import Picture
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

KIND = "sweep_study_file"
FILE = "study.db"  # in the folder of the work

State = Literal["none", "moving", "ready", "failed"]


def spec(picture: Picture) -> dict[str, Any]:
    """What the worker is told: the study with every trial of the search as it stands now, and its name."""
    study = studies.study(picture.spec, picture.trials)
    return {"name": picture.name, "study": study.model_dump(mode="json")}


def make(picture: Picture) -> Work:
    """Begins it, and returns at once. The same study is made once."""
    return work.start(KIND, picture.id, spec(picture))


def state(picture: Picture) -> State:
    """Whether the file of the sweep as it stands now is there."""
    piece = work.find(KIND, picture.id, spec(picture))
    if piece is None or piece.status == WorkStatus.STOPPED:
        return "none"
    if piece.status in WORK_MOVING:
        return "moving"
    return "ready" if piece.status == WorkStatus.SUCCEEDED and (work.folder(piece) / FILE).is_file() else "failed"


def path(picture: Picture) -> Path:
    """Where the file lies. Raises ConflictError while it was not made, or is out of date."""
    piece = work.find(KIND, picture.id, spec(picture))
    if piece is None or state(picture) != "ready":
        hint = "Ask for it with the button of the Sweeps page, or by POST, and wait until it is made."
        raise ConflictError(f"The study file of the sweep `{picture.name}` is not there.", hint)
    return work.folder(piece) / FILE
