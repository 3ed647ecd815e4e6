"""A notification and its deliveries, written together: rows, and nothing that takes time."""

from collections.abc import Sequence
from secrets import token_hex

from sqlmodel import Session

from engine.notifications.kinds import KINDS, Kind
from engine.notifications.message import MOST_TEXT, MOST_TITLE, line, paragraph
from storage import db
from storage.outgoing import notices, sinks
from storage.tables import Delivery, Notification, NotificationState

BROWSER = [kind for kind in KINDS if kind not in ("best", "resumed")]


def announce(
    kind: Kind, run_id: str | None, title: str, text: str = "", *, key: str = "", session: Session | None = None
) -> None:
    """Tells everybody who wants this kind: the window, and each sink through the outbox.

    `key` names what it is about: the same twice is told once. In a transaction of the caller's, give its `session`.
    """
    if session is not None:
        _write(session, kind, run_id, (title, text), key)
        return
    with db.session() as own_session:
        _write(own_session, kind, run_id, (title, text), key)


def _write(session: Session, kind: Kind, run_id: str | None, words: tuple[str, str], key: str) -> None:
    key = key or f"{kind}:{token_hex(8)}"
    if notices.known(session, key):
        return
    title, text = line(words[0], MOST_TITLE), paragraph(words[1], MOST_TEXT)
    shown = kind in state_of(session).in_app
    told = Notification(key=key, kind=kind, run_id=run_id, title=title, text=text, shown=shown)
    session.add(told)
    session.flush()
    for sink in sinks.all_sinks(session):
        if sink.enabled and kind in sink.kinds:
            entry = {"message_id": new_message_id(), "notification_id": told.id, "sink_id": sink.id}
            session.add(Delivery.model_validate(entry))
    session.flush()


def new_message_id() -> str:
    return f"msg_{token_hex(12)}"


def state_of(session: Session) -> NotificationState:
    """The settings, made with their defaults where there are none. What happened before that is not told."""
    state = notices.state(session)
    if state is None:
        state = default_state(notices.newest_transition(session))
        session.add(state)
        session.flush()
    return state


def default_state(seen_transition: int = 0) -> NotificationState:
    in_app: Sequence[str] = KINDS
    return NotificationState(seen_transition=seen_transition, in_app=list(in_app), browser=list(BROWSER))
