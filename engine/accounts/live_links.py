"""Links at which one run can be watched, or one chat read, without a login: signed, with an end, revocable.

A token is `END.RANDOM.SIGNATURE`, the end in hexadecimal seconds since 1970. What is not signed by this studio, or is
over, never reaches the database; of what is, only the sha256 is kept, so that a link can be revoked and no backup holds
one that opens anything. A run or a chat that is deleted takes its links along.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.accounts import kept_secret
from engine.errors import RefusedError
from engine.existing import existing, missing
from storage import db
from storage.outgoing import links as stored
from storage.outgoing.links import Kind as Kind
from storage.tables import Chat, LiveLink, Run

DAY_SECONDS = 86_400
USUAL_SECONDS = 7 * DAY_SECONDS
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 366 * DAY_SECONDS
MOST_OF_ONE = 100
TABLES: dict[Kind, type[Run] | type[Chat]] = {"run": Run, "chat": Chat}
_USE = "live links"
_TOKEN = re.compile(r"([0-9a-f]{8,10})\.([\w-]{22})\.([\w-]{43})", re.ASCII)


@dataclass(frozen=True)
class Opened:
    """The run or the chat behind a link."""

    kind: Kind
    id: str


def create_link(kind: Kind, id: str, expires_in: float = USUAL_SECONDS) -> tuple[LiveLink, str]:
    """A new link to a run or a chat, and its token, which nobody can show again. `expires_in`: seconds until it ends.

    Raises NotFoundError, RefusedError.
    """
    if not SHORTEST_SECONDS <= expires_in <= LONGEST_SECONDS:
        raise RefusedError(
            f"A link cannot end in {expires_in:,.0f} seconds.", "Choose a time between a minute and a year."
        )
    ends = int(time.time() + expires_in)
    claim = f"{ends:x}.{secrets.token_urlsafe(16)}"
    token = f"{claim}.{_sign(claim)}"
    with db.session() as session:
        existing(session, TABLES[kind], id)
        if len(stored.open_of(session, kind, id, time.time())) >= MOST_OF_ONE:
            raise RefusedError(f"This {kind} has {MOST_OF_ONE} open links.", "Revoke those that nobody needs any more.")
        run_id, chat_id = (id, None) if kind == "run" else (None, id)
        link = LiveLink(run_id=run_id, chat_id=chat_id, sha256=_hash(token), expires_at=ends)
        session.add(link)
    return link, token


def revoke_link(link_id: str) -> None:
    """The link opens nothing from now on. Raises NotFoundError."""
    with db.session() as session:
        link = existing(session, LiveLink, link_id)
        if link.revoked_at is not None:
            raise missing(LiveLink, link_id)
        link.revoked_at = time.time()


def open_links(kind: Kind, id: str) -> Sequence[LiveLink]:
    """The links of a run or a chat that still open it, the oldest first. Raises NotFoundError."""
    with db.reading() as session:
        existing(session, TABLES[kind], id)
        return stored.open_of(session, kind, id, time.time())


def opened_by(token: str) -> Opened | None:
    """What a token opens; None for one that is forged, over or revoked, and while what it shows is deleted."""
    shape = _TOKEN.fullmatch(token)
    if shape is None:
        return None
    ends, nonce, signature = shape.groups()
    if not hmac.compare_digest(signature, _sign(f"{ends}.{nonce}")) or int(ends, 16) <= time.time():
        return None
    with db.reading() as session:
        link = stored.by_sha256(session, _hash(token))
        if link is None or link.revoked_at is not None or link.expires_at <= time.time():
            return None
        shown = session.get(Run, link.run_id) if link.run_id else session.get(Chat, link.chat_id)
    if shown is None or shown.deleted_at is not None:
        return None
    return Opened("run" if link.run_id else "chat", shown.id)


def _sign(claim: str) -> str:
    signature = hmac.new(kept_secret.key_for(_USE), claim.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
