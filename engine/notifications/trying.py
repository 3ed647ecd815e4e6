"""A message to try a sink with, at once and not through the outbox; what came back is in the log like any other."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from engine.errors import ConflictError, NotFoundError
from engine.notifications import courier, secret_file, sending
from engine.notifications.announcing import new_message_id, state_of
from engine.notifications.posting import Outcome
from storage import db
from storage.outgoing import sinks
from storage.tables import Delivery, Notification, NotificationSink

TITLE = "A test message from Tunesmith"
TEXT = "Whoever reads this is told what happens to runs."


@dataclass(frozen=True)
class Tried:
    """What came back from one sink."""

    sink_id: str
    name: str
    service: str
    ok: bool
    outcome: str


def try_sinks(sink_id: str | None = None) -> list[Tried]:
    """Sends a test message to one sink, or to all that are enabled, and says what each answered.

    Takes up to half a minute. Raises NotFoundError, ConflictError where there is none.
    """
    with db.session() as session:
        allow_private, address = (state := state_of(session)).allow_private, state.address
        tried = [sink for sink in sinks.all_sinks(session) if sink.id == sink_id or (sink_id is None and sink.enabled)]
    if not tried and sink_id is not None:
        raise NotFoundError(f"There is no sink `{sink_id:.80}`.", "GET /api/notifications lists them.")
    if not tried:
        raise ConflictError("There is nowhere to send a test message to.", "Add a sink first.")
    secrets = secret_file.read()

    def outcome_of(sink: NotificationSink) -> Tried:
        notification = Notification(key="", kind="test", title=TITLE, text=TEXT, shown=False)
        message = courier.as_message(notification, new_message_id(), None, address)
        outcome = sending.send(sink, secrets.get(sink.id, {}), message, allow_private)
        _write_down(sink, notification, message.id, outcome)
        return Tried(sink.id, sink.name, sink.service, outcome.ok, outcome.words)

    with ThreadPoolExecutor(len(tried)) as threads:
        return list(threads.map(outcome_of, tried))


def _write_down(sink: NotificationSink, notification: Notification, message_id: str, outcome: Outcome) -> None:
    now = time.time()
    with db.session() as session:
        if session.get(NotificationSink, sink.id) is None:
            return  # deleted meanwhile
        notification.key = f"test:{message_id}"
        session.add(notification)
        session.flush()
        state = "sent" if outcome.ok else "failed"
        tried = {"message_id": message_id, "notification_id": notification.id, "sink_id": sink.id, "state": state}
        times = {"attempts": 1, "due_at": now, "begun_at": notification.at, "ended_at": now}
        session.add(Delivery.model_validate({**tried, **times, "outcome": outcome.words}))
