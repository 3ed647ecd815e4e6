"""Names on /v1 that no endpoint has yet, made of what is served. Clients put them into addresses, so they are ASCII."""

from collections.abc import Iterable

from sqlmodel import Session

from engine import names
from engine.existing import existing
from storage import datasets, db, endpoints, models
from storage.tables import Model, Run

TUNED = "-tuned"  # after the name of a base: its own name is for the base alone


def of_run(run: Run, step: str = "") -> str:
    """Made of the run's own name; where that has no letter a to z, of its dataset's, or of its base's.

    A step is a checkpoint's, and stands at the end.
    """
    with db.reading() as session:
        name = own_name(run) or _of_subjects(session, run) or "run"
        return _free(session, _with_end(name, f"-step-{step}") if step else name, run.id)


def own_name(run: Run) -> str:
    """What the run's own name comes to; empty where it has no letter a to z."""
    return _usable(run.name)


def of_model(model_id: str) -> str:
    """Made of the model's name, without its owner. Raises NotFoundError."""
    with db.reading() as session:
        model = existing(session, Model, model_id)
        return _free(session, _usable(model.name.rpartition("/")[2]) or "model", model.id)


def _of_subjects(session: Session, run: Run) -> str:
    dataset, model = datasets.get(session, run.dataset_id), models.get(session, run.model_id)
    if dataset is not None and (name := _usable(dataset.name)):
        return name
    base = _usable(model.name.rpartition("/")[2]) if model is not None else ""
    return _with_end(base, TUNED) if base else ""


def _with_end(name: str, end: str) -> str:
    return f"{name[: names.PROPOSED - len(end)].strip('-')}{end}"


def _usable(text: str) -> str:
    """A number alone says nothing of what is served."""
    name = names.for_address(text)
    return name if any(letter.isalpha() for letter in name) else ""


def _free(session: Session, name: str, id: str) -> str:
    candidates: Iterable[str] = (name, *(f"{name}-{number}" for number in range(2, 100)), f"{name}-{id[:6]}")
    return next(one for one in candidates if endpoints.live_by_name(session, one) is None)
