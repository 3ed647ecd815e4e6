"""API keys. Their secrets have 256 random bits, so a plain sha256 is the right hash."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.tables import ApiKey


def recent(db: Session) -> Sequence[ApiKey]:
    return db.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None)).order_by(col(ApiKey.created_at))).all()


def by_sha256(db: Session, sha256: str) -> ApiKey | None:
    """The key with that hash, unless it was revoked."""
    return db.exec(select(ApiKey).where(ApiKey.sha256 == sha256, col(ApiKey.revoked_at).is_(None))).first()
