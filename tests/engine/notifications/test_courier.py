"""The outbox: nothing is lost, nothing is sent twice but what nobody can know, and no sink waits for another."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import col, select, update

from engine.life import reconciler
from engine.notifications import announce, courier, secret_file, settings, signing
from engine.notifications.settings import Settings
from storage import db, home
from storage.statuses import RunStatus
from storage.tables import Delivery, Notification, Run
from storage.transitions import move_run
from tests.browser.stored_runs import add_run
from tests.conftest import ROOT
from tests.engine.notifications.receiver import Receiver, receiving
from tests.waiting import wait_for


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def set_sinks(*sinks: dict[str, Any]) -> None:
    settings.change(Settings.model_validate({"allow_private": True, "sinks": list(sinks)}))


def hook(receiver: Receiver, name: str = "hook", **more: Any) -> dict[str, Any]:
    return {"name": name, "service": "webhook", "url": receiver.url, **more}


def deliveries() -> list[Delivery]:
    with db.reading() as session:
        return list(session.exec(select(Delivery).order_by(col(Delivery.id))))


def make_due() -> None:
    """As if the pause before the next try were over."""
    with db.session() as session:
        session.execute(update(Delivery).where(col(Delivery.state) == "waiting").values(due_at=0))


def settled(count: int = 1) -> list[Delivery]:
    """The deliveries once none of them is being sent and each was tried so often."""

    def all_of_them() -> list[Delivery]:
        found = deliveries()
        return found if found and all(one.state != "sending" and one.attempts >= count for one in found) else []

    return wait_for(all_of_them)


def test_what_is_announced_reaches_a_webhook_signed(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    announce("finished", "abc", "jokes has finished", "100 steps.")
    courier.tick()
    (delivery,) = settled()
    assert (delivery.state, delivery.attempts, delivery.outcome) == ("sent", 1, "It answered 200.")
    path, headers, body = receiver.calls[0]
    assert path == "/hook?key=a-secret"
    assert headers["webhook-id"] == delivery.message_id
    (secrets,) = secret_file.read().values()
    at = int(headers["webhook-timestamp"])
    assert signing.headers(secrets["secret"], delivery.message_id, at, body).items() <= headers.items()
    assert json.loads(body)["data"]["title"] == "jokes has finished"


def test_each_sink_gets_the_kinds_it_wants_and_one_that_is_off_gets_none(receiver: Receiver) -> None:
    set_sinks(hook(receiver, kinds=["failed"]), hook(receiver, "off", enabled=False))
    announce("finished", None, "one")
    announce("failed", None, "two")
    courier.tick()
    assert [one.state for one in settled()] == ["sent"]
    assert [body["data"]["title"] for body in receiver.bodies] == ["two"]


def test_a_receiver_that_fails_is_tried_three_times_more_with_growing_pauses_and_the_same_id(
    receiver: Receiver,
) -> None:
    set_sinks(hook(receiver))
    receiver.answers = [(500, {})]
    announce("failed", None, "one")
    pauses = []
    for attempt in (1, 2, 3, 4):
        courier.tick()
        (delivery,) = settled(attempt)
        pauses.append(delivery.due_at - (delivery.begun_at or 0))
        make_due()
    courier.tick()
    (delivery,) = settled(4)
    assert (delivery.state, delivery.attempts, delivery.outcome) == ("failed", 4, "It answered 500: ok")
    assert [round(pause, -1) for pause in pauses[:3]] == [10, 60, 300]
    assert len(receiver.calls) == 4
    assert set(receiver.headers("webhook-id")) == {delivery.message_id}


def test_a_sink_that_hangs_delays_no_other(receiver: Receiver) -> None:
    with receiving() as hanging:
        hanging.hold = threading.Event()
        set_sinks(hook(hanging, "hangs"), hook(receiver, "works"))
        for title in ("one", "two", "three"):
            announce("failed", None, title)
        courier.tick()
        wait_for(lambda: len(receiver.calls) == 3)
        assert len(hanging.calls) <= 1
        courier.tick()  # does not begin a second thread for it
        assert [body["data"]["title"] for body in receiver.bodies] == ["one", "two", "three"]
        hanging.hold.set()
        assert [one.state for one in settled()] == ["sent"] * 6
        assert len(hanging.calls) == 3


KILLED = """
import os, signal, threading, time
from engine.notifications import courier, sending
def send(*_):
    os.kill(os.getpid(), signal.SIGKILL)
sending.send = send
courier.tick()
time.sleep(20)
"""


def test_a_kill_while_sending_loses_nothing_and_sends_again_under_the_same_id(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    announce("failed", None, "one")
    announce("failed", None, "two")
    ended = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=os.environ.copy(), timeout=60)
    assert ended.returncode == -signal.SIGKILL
    before = deliveries()
    assert [one.state for one in before] == ["sending", "waiting"]
    courier.tick()  # the other one goes out; of the first it is not known yet that nobody sends it any more
    wait_for(lambda: [one.state for one in deliveries()] == ["sending", "sent"])
    with db.session() as session:
        session.execute(update(Delivery).values(begun_at=0).where(col(Delivery.state) == "sending"))

    def came() -> bool:
        courier.tick()
        return len(receiver.calls) == 2

    wait_for(came)
    assert [one.state for one in settled()] == ["sent", "sent"]
    assert receiver.headers("webhook-id") == [before[1].message_id, before[0].message_id]
    courier.tick()
    assert len(receiver.calls) == 2


def test_a_round_of_the_reconciler_takes_the_end_of_a_run_to_a_webhook(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    run_id = add_run("jokes", RunStatus.RUNNING, points=3)
    rounds = [reconciler.TICKS[name] for name in ("notifications", "outbox")]
    for act in rounds:
        act()
    with db.session() as session:
        run = session.get_one(Run, run_id)
        assert move_run(session, run, RunStatus.RUNNING, RunStatus.FAILED, "The disk is full.")
    for act in rounds:
        act()
    wait_for(lambda: receiver.calls)
    assert receiver.bodies[0]["type"] == "tunesmith.failed"
    assert receiver.bodies[0]["data"]["run"] == {"id": run_id, "name": "jokes"}
    assert receiver.bodies[0]["data"]["text"] == "The disk is full."


def test_the_same_thing_is_announced_once(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    for _ in range(3):
        announce("failed", "abc", "one", key="transition:7")
    assert len(deliveries()) == 1


def test_a_transaction_that_is_rolled_back_announces_nothing() -> None:
    def announce_and_fail() -> None:
        with db.session() as session:
            announce("failed", None, "one", session=session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        announce_and_fail()
    with db.reading() as session:
        assert session.exec(select(Notification)).all() == []


def test_secrets_are_in_a_file_for_the_owner_alone_and_never_in_the_database(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    assert home.sink_secrets().stat().st_mode & 0o777 == 0o600
    assert b"a-secret" in home.sink_secrets().read_bytes()
    db.flush_wal()
    assert b"a-secret" not in home.database_file().read_bytes()
    assert b"whsec_" not in home.database_file().read_bytes()


def test_a_lost_file_of_secrets_fails_the_delivery_and_nothing_else(receiver: Receiver) -> None:
    set_sinks(hook(receiver))
    home.sink_secrets().unlink()
    announce("failed", None, "one")
    courier.tick()
    (delivery,) = settled()
    assert delivery.state == "failed"
