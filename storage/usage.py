"""What came through /v1: requests written in batches, and sums by key, model or day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from sqlalchemy import delete, func, insert, or_, update
from sqlmodel import Session, col, select

from storage.tables import ApiKey, LoggedRequest, Usage

By = Literal["key", "model", "day"]
BATCH = 2000  # rows that one transaction deletes: others wait for the write lock meanwhile
SUMS = ("requests", "errors", "estimated", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True)
class Total:
    """One line of the usage: `id` is a key's id, a model's name or a day."""

    id: str
    requests: int
    errors: int
    estimated: int
    prompt_tokens: int
    completion_tokens: int


def add(session: Session, requests: Sequence[dict[str, Any]], usage_rows: Sequence[dict[str, Any]]) -> None:
    """Writes requests, and adds `usage_rows` (rows of Usage, no two with the same key) to what there is."""
    if requests:
        session.execute(insert(LoggedRequest), requests)
    if usage_rows:
        # Only the dialect in use is imported: PostgreSQL's alone costs a tenth of a second at start.
        upsert = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert(Usage)
        more = {name: getattr(Usage, name) + getattr(upsert.excluded, name) for name in SUMS}
        session.execute(upsert.on_conflict_do_update(index_elements=["day", "key_id", "model"], set_=more), usage_rows)


def totals(session: Session, by: By, first_day: str, last_day: str) -> list[Total]:
    """The sums from one day to another, both with: the most tokens first, days from the newest to the oldest."""
    group: Any = {"key": Usage.key_id, "model": Usage.model, "day": Usage.day}[by]
    columns = [func.sum(getattr(Usage, name)) for name in SUMS]
    tokens = func.sum(col(Usage.prompt_tokens)) + func.sum(col(Usage.completion_tokens))
    order = [group.desc()] if by == "day" else [tokens.desc(), group]
    query: Any = select(group, *columns).where(col(Usage.day) >= first_day, col(Usage.day) <= last_day)
    rows = session.exec(query.group_by(group).order_by(*order)).all()
    return [Total(str(id), *(int(value) for value in values)) for id, *values in rows]


def tokens_of_day(session: Session, key_id: str, day: str) -> int:
    """Tokens, of questions and answers, that came with a key on a day."""
    tokens = func.sum(col(Usage.prompt_tokens) + col(Usage.completion_tokens))
    return int(session.scalar(select(tokens).where(Usage.key_id == key_id, Usage.day == day)) or 0)


def tokens_by_key(session: Session, day: str) -> dict[str, int]:
    """The same for every key that was used that day."""
    tokens = func.sum(col(Usage.prompt_tokens) + col(Usage.completion_tokens))
    query = select(Usage.key_id, tokens).where(Usage.day == day).group_by(col(Usage.key_id))
    return {key_id: int(count) for key_id, count in session.exec(query)}


def key_names(session: Session, key_ids: Iterable[str]) -> dict[str, str]:
    """Names by id, of revoked keys too."""
    return dict(session.exec(select(ApiKey.id, ApiKey.name).where(col(ApiKey.id).in_(set(key_ids)))).all())


def recent(session: Session, limit: int, offset: int = 0, key_id: str | None = None) -> Sequence[LoggedRequest]:
    """Requests, the newest first; of one key if given ("" is the owner)."""
    query = select(LoggedRequest).order_by(col(LoggedRequest.id).desc()).offset(offset).limit(limit)
    return session.exec(query if key_id is None else query.where(LoggedRequest.key_id == key_id)).all()


def count(session: Session, key_id: str | None = None) -> int:
    query = select(func.count()).select_from(LoggedRequest)
    return session.scalar(query if key_id is None else query.where(LoggedRequest.key_id == key_id)) or 0


def drop_requests(session: Session, before: float, most: int) -> int:
    """Deletes requests from before a moment, and the oldest of more than `most`: a batch of them. Says how many."""
    too_many = _id_at(session, most)
    is_old = or_(col(LoggedRequest.at) < before, col(LoggedRequest.id) <= (-1 if too_many is None else too_many))
    old_ids = session.exec(select(LoggedRequest.id).where(is_old).order_by(col(LoggedRequest.id)).limit(BATCH)).all()
    session.execute(delete(LoggedRequest).where(col(LoggedRequest.id).in_(old_ids)))
    return len(old_ids)


def drop_content(session: Session, before: float, most: int) -> int:
    """Forgets what was asked and answered before a moment, and but for the newest `most` requests: a batch of them."""
    too_many = _id_at(session, most)
    is_old = or_(col(LoggedRequest.at) < before, col(LoggedRequest.id) <= (-1 if too_many is None else too_many))
    query = select(LoggedRequest.id).where(col(LoggedRequest.question).is_not(None), is_old)
    old_ids = session.exec(query.order_by(col(LoggedRequest.id)).limit(BATCH)).all()
    statement = update(LoggedRequest).where(col(LoggedRequest.id).in_(old_ids))
    session.execute(statement.values(question=None, answer=None))
    return len(old_ids)


def _id_at(session: Session, place: int) -> int | None:
    """The id of the request at a place, counted from the newest."""
    return session.exec(select(LoggedRequest.id).order_by(col(LoggedRequest.id).desc()).offset(place).limit(1)).first()
