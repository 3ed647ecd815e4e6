"""API keys: made here, shown once, remembered only as a hash.

`verify` is on the road of every request, so its answer is kept for a few seconds; a key that is revoked here stops at
once, one that is revoked by another process of the studio within that time.
"""

import hashlib
import re
import secrets
import threading
import time
from typing import Literal

from engine import names
from engine.accounts.key_limits import KeyLimits
from engine.errors import RefusedError
from engine.existing import existing, missing
from storage import db
from storage import keys as stored
from storage.tables import ApiKey

Scope = Literal["inference", "all"]

NO_LIMITS = KeyLimits()
PREFIX = "sk-tunesmith-"
REMEMBER_SECONDS = 5.0
USED_EVERY_SECONDS = 60.0
_REMEMBER_MOST = 1000
_SHAPE = re.compile(re.escape(PREFIX) + r"[\w-]{43}", re.ASCII)

_remembered: dict[str, tuple[float, ApiKey | None]] = {}
_forgotten = 0  # how often: what was looked up before the last time is not remembered
_lock = threading.Lock()


def create_key(name: str, scope: Scope = "inference", limits: KeyLimits = NO_LIMITS) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can show again. Raises RefusedError."""
    name = names.checked(name, "key")
    if scope == "all" and limits.is_for_v1:
        raise RefusedError(
            "A key that may use everything cannot be limited to models, requests or tokens: it could make another key.",
            "Choose the scope `inference`, or leave the limits out.",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    values = limits.model_dump(exclude={"expires_in"})
    expires_at = None if limits.expires_in is None else time.time() + limits.expires_in
    key = ApiKey(name=name, sha256=_hash(secret), scope=scope, expires_at=expires_at, **values)
    with db.session() as session:
        session.add(key)
    return key, secret


def revoke_key(key_id: str) -> None:
    """The key stops working. Raises NotFoundError."""
    with db.session() as session:
        key = existing(session, ApiKey, key_id)
        if key.revoked_at is not None:
            raise missing(ApiKey, key_id)
        key.revoked_at = time.time()
    forget()


def remembered(secret: str) -> ApiKey | None:
    """The key, if it was verified a moment ago. Never touches the database, so an event loop may ask."""
    with _lock:
        until, key = _remembered.get(_hash(secret), (0.0, None))
    return key if until > time.monotonic() and not _is_over(key) else None


def has_expired(secret: str) -> bool:
    """Whether what `verify` has just refused is a key whose time is over. Never touches the database."""
    with _lock:
        return _is_over(_remembered.get(_hash(secret), (0.0, None))[1])


def verify(secret: str) -> ApiKey | None:
    """The key with that secret, or None when there is none, it was revoked, or its time is over."""
    if not _SHAPE.fullmatch(secret):
        return None
    sha256 = _hash(secret)
    with _lock:
        until, key = _remembered.get(sha256, (0.0, None))
        forgotten = _forgotten
    if until <= time.monotonic():
        key = _look_up(sha256)
        _remember(sha256, key, forgotten)
    return None if _is_over(key) else key


def _remember(sha256: str, key: ApiKey | None, forgotten: int) -> None:
    """Unless something was forgotten since the look-up began."""
    with _lock:
        if forgotten == _forgotten:
            if len(_remembered) >= _REMEMBER_MOST:
                _remembered.clear()
            _remembered[sha256] = (time.monotonic() + REMEMBER_SECONDS, key)


def _is_over(key: ApiKey | None) -> bool:
    return key is not None and key.expires_at is not None and key.expires_at <= time.time()


def forget() -> None:
    """Drops what is remembered; the next `verify` asks the database."""
    global _forgotten
    with _lock:
        _forgotten += 1
        _remembered.clear()


def _look_up(sha256: str) -> ApiKey | None:
    with db.reading() as session:
        key = stored.by_sha256(session, sha256)
    if key is not None and not _is_over(key) and time.time() - (key.last_used_at or 0) > USED_EVERY_SECONDS:
        _mark_used(key.id)
    return key


def _mark_used(key_id: str) -> None:
    with db.session() as session:
        if key := session.get(ApiKey, key_id):
            key.last_used_at = time.time()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
