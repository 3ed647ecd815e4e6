"""API keys. Their secrets have 256 random bits, so a plain sha256 is the right hash."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.tables import ApiKey


def recent(session: Session, limit: int | None = None, offset: int = 0) -> Sequence[ApiKey]:
    """Those that were not revoked, the oldest first."""
    query = select(ApiKey).where(col(ApiKey.revoked_at).is_(None)).order_by(col(ApiKey.created_at))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ApiKey).where(col(ApiKey.revoked_at).is_(None))) or 0


def by_sha256(session: Session, sha256: str) -> ApiKey | None:
    """The key with that hash, unless it was revoked."""
    return session.exec(select(ApiKey).where(ApiKey.sha256 == sha256, col(ApiKey.revoked_at).is_(None))).first()
