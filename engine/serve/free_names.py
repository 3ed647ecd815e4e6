"""Names on /v1 that no endpoint has, made of the name of what is served."""

import re

from sqlmodel import Session

from storage import db, endpoints
from storage.tables import Model, Run

LONGEST = 40
BEFORE_STEP = 28  # letters of the run's name, so that the step is not cut off


def of_run(run: Run, subject: str = "") -> str:
    """For what a run has left, or for the checkpoint that `subject` (RUN@STEP) names."""
    _, _, step = subject.partition("@")
    with db.reading() as session:
        return _free(session, f"{run.name[:BEFORE_STEP]} step {step}" if step else run.name, "run", run.id)


def of_model(session: Session, model: Model) -> str:
    """For a base model: without its owner."""
    return _free(session, model.name.rpartition("/")[2], "model", model.id)


def _free(session: Session, title: str, otherwise: str, row_id: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:LONGEST].strip("-") or otherwise
    candidates = (slug, *(f"{slug}-{number}" for number in range(2, 100)), f"{slug}-{row_id[:6]}")
    return next(name for name in candidates if endpoints.live_by_name(session, name) is None)
