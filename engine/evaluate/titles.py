"""What subjects are called: names of runs and models for texts such as `run:ID@40`. Nothing is refused."""

import re
from collections.abc import Iterable

from sqlmodel import Session

from storage import models, runs

_NAMED = re.compile(r"(?P<noun>run|model):(?P<id>[0-9a-z-]{1,64})(?:@(?P<step>[0-9]{1,12}))?")


def of(session: Session, subjects: Iterable[str]) -> dict[str, str]:
    """Subject -> title; a subject that is gone, or of another kind, is its own title. Two statements, however many."""
    matches = {subject: _NAMED.fullmatch(subject) for subject in set(subjects)}
    ids = {noun: [one["id"] for one in matches.values() if one and one["noun"] == noun] for noun in ("run", "model")}
    names = {"run": runs.names(session, ids["run"]), "model": models.names(session, ids["model"])}
    return {subject: _title(subject, one, names) for subject, one in matches.items()}


def _title(subject: str, named: re.Match[str] | None, names: dict[str, dict[str, str]]) -> str:
    if named is None or (name := names[named["noun"]].get(named["id"])) is None:
        return subject
    return f"{name}, step {int(named['step']):,}" if named["step"] else name
