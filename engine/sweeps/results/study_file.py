"""The file with the study that `optuna.load_study` opens: made by a worker when somebody asks for it."""

from pathlib import Path
from typing import Literal

from engine.errors import ConflictError
from engine.process import work
from engine.sweeps import asking
from engine.sweeps.life import studies
from engine.sweeps.picture import Picture
from storage.statuses import WORK_MOVING
from storage.tables import Work

State = Literal["none", "moving", "ready"]


def make(picture: Picture) -> Work:
    """Begins it, and returns at once. The same study is made once."""
    return asking.ask_study_file(picture.id, picture.name, studies.study(picture.spec, picture.trials))


def state(picture: Picture) -> State:
    """Whether the file is there, with every trial that has ended."""
    piece = work.latest(picture.id, asking.STUDY_FILE)
    if piece is None:
        return "none"
    if piece.status in WORK_MOVING:
        return "moving"
    last = max((trial.ended_at or 0.0 for trial in picture.trials), default=0.0)
    return "ready" if asking.study_file(piece) and piece.created_at >= last else "none"


def problem(picture: Picture) -> str:
    """Why the last attempt left no file; empty where it did, or none was made."""
    piece = work.latest(picture.id, asking.STUDY_FILE)
    return (piece.error or "") if piece else ""


def path(picture: Picture) -> Path:
    """Where the file lies. Raises ConflictError while it was not made, or is out of date."""
    piece = work.latest(picture.id, asking.STUDY_FILE)
    there = asking.study_file(piece) if piece is not None and state(picture) == "ready" else None
    if there is None:
        hint = "Make it first (the button of the Sweeps page, or POST to this address), and wait until it is."
        raise ConflictError(f"The study file of the sweep `{picture.name}` is not there.", hint)
    return there
