"""Takes what waits in the outbox to the sinks: a thread for each sink, for as long as something is due for it.

A sink that is down or slow delays nobody else, and no training: who announces only writes rows. Each try is claimed
first and settled afterwards, so of several processes one sends; a claim that nobody settled within `LOST_SECONDS` is of
a process that was killed, and is sent again under the same message id.
"""

import threading
import time
from dataclasses import dataclass

from engine.notifications import secret_file, sending, shapes
from engine.notifications.announcing import state_of
from engine.notifications.message import Message
from engine.notifications.posting import Outcome
from engine.process import logs
from storage import db
from storage.outgoing import outbox
from storage.tables import Delivery, Notification, NotificationSink, Run

PAUSES = (10.0, 60.0, 300.0)  # seconds before the second, third and last try
LOST_SECONDS = 120.0  # longer than any try takes

_at_work: set[str] = set()  # sinks that have a thread
_lock = threading.Lock()


@dataclass(frozen=True)
class _Task:
    delivery: Delivery
    sink: NotificationSink
    message: Message
    allow_private: bool


def tick() -> None:
    """Sees to it that every sink for which something is due has a thread. Sends nothing itself."""
    now = time.time()
    with db.reading() as session:
        lost = outbox.count_lost(session, now - LOST_SECONDS)
        due = outbox.sinks_due(session, now)
    if lost:
        with db.session() as session:
            outbox.free_lost(session, now - LOST_SECONDS, now)
    for sink_id in due:
        with _lock:
            if sink_id in _at_work:
                continue
            _at_work.add(sink_id)
        threading.Thread(target=_work, args=(sink_id,), name=f"courier-{sink_id}", daemon=True).start()


def _work(sink_id: str) -> None:
    try:
        with logs.kept_going("notifications", sink_id):
            while task := _claimed(sink_id):
                _settle(task.delivery, _sent(task))
    finally:
        with _lock:
            _at_work.discard(sink_id)


def _claimed(sink_id: str) -> _Task | None:
    """The next that is due for a sink, claimed; None when nothing is."""
    now = time.time()
    with db.session() as session:
        delivery = outbox.first_due(session, sink_id, now)
        if delivery is None or not outbox.claim(session, delivery, now):
            return None
        session.refresh(delivery)
        sink = session.get_one(NotificationSink, sink_id)
        notification = session.get_one(Notification, delivery.notification_id)
        run = session.get(Run, notification.run_id) if notification.run_id else None
        state = state_of(session)
        message = as_message(notification, delivery.message_id, run, state.address)
        return _Task(delivery, sink, message, state.allow_private)


def as_message(notification: Notification, message_id: str, run: Run | None, address: str) -> Message:
    run_id = run.id if run else None
    return Message(
        id=message_id,
        kind=notification.kind,
        title=notification.title,
        text=notification.text,
        at=notification.at,
        run_id=run_id,
        run_name=run.name if run else None,
        url=shapes.run_address(address, run_id),
    )


def _sent(task: _Task) -> Outcome:
    """How the try ended. A mistake of ours must not leave the row claimed for ever, and is written down."""
    outcome = Outcome(False, "The studio could not make the message; its log says why.")
    with logs.kept_going("notifications", task.sink.id):
        secrets = secret_file.read().get(task.sink.id, {})
        outcome = sending.send(task.sink, secrets, task.message, task.allow_private)
    return outcome


def _settle(delivery: Delivery, outcome: Outcome) -> None:
    now = time.time()
    retries = outcome.again and delivery.attempts <= len(PAUSES)
    values: dict[str, object] = {"outcome": outcome.words}
    if outcome.ok:
        values |= {"state": "sent", "ended_at": now}
    elif retries:
        pause = max(PAUSES[delivery.attempts - 1], outcome.pause)
        values |= {"state": "waiting", "due_at": now + pause}
    else:
        values |= {"state": "failed", "ended_at": now}
    with db.session() as session:
        outbox.settle(session, delivery, values)
    logger = logs.about("notifications", delivery.sink_id)
    logger.log(*_level(outcome), delivery.message_id, delivery.attempts, outcome.words)


def _level(outcome: Outcome) -> tuple[int, str]:
    return (20 if outcome.ok else 30), "%s, try %d: %s"
