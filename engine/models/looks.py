"""A look at a model once it is there: what ends its answers, and which of its tokens have no embedding.

A piece of work about the model (engine.workers.models.look). What it finds is kept in the model's row; a model of an
older home, or one whose files have changed since, has nothing there and is looked at like a new one.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import null, update
from sqlmodel import col

from engine.process import work
from engine.weights import token_facts, tokenizer
from engine.weights.token_facts import TokenFacts
from storage import db, home, models
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Model, Work

KIND = "look_model"
NO_FOLDER = "Its folder is not there."


def advance(model: Model) -> None:
    """Has the model looked at, or keeps what was found. Called once a second until something is known."""
    latest = work.latest(model.id, KIND)
    if latest is None:
        _begin(model)
    elif latest.status not in WORK_MOVING:
        _keep(model, _found(latest))


def _begin(model: Model) -> None:
    folder = Path(model.path or "")
    if not model.path or not folder.is_dir():
        _keep(model, TokenFacts(problem=NO_FOLDER).model_dump())
        return
    state = tokenizer.fingerprint(folder)
    cache = home.model_folder(model.id) / "tokenizer" / state
    work.enqueue(KIND, model.id, {"model": str(folder), "cache": str(cache), "state": state})


def _found(look: Work) -> dict[str, Any]:
    if look.status == WorkStatus.SUCCEEDED:
        return look.result
    problem = look.error or "The look at it ended without an error message."
    return TokenFacts(problem=problem[:500], state=str(look.spec["state"])).model_dump()


def _keep(model: Model, facts: dict[str, Any]) -> None:
    unknown = col(Model.token_facts).is_(null())
    with db.session() as session:
        session.connection().execute(update(Model).where(col(Model.id) == model.id, unknown).values(token_facts=facts))


def forget_changed() -> None:
    """Forgets what is known of models whose files have changed since, so that they are looked at again."""
    with db.reading() as session:
        kept = [(model.id, model.path, model.token_facts) for model in models.recent(session)]
    for model_id, path, values in kept:
        facts = token_facts.of(values)
        if values is None or not path or (facts and facts.state == _state(path)):
            continue
        work.forget_subject(model_id)
        with db.session() as session:
            if (model := models.get(session, model_id)) is not None:
                model.token_facts = None


def _state(path: str) -> str:
    return tokenizer.fingerprint(Path(path)) if Path(path).is_dir() else ""
