"""The use of the machine over time: looks that add up, stay few, cost little, and keep no thread waiting."""

import threading
import time

import psutil
import pytest

from engine.life import upkeep
from engine.process.answers import Answers
from engine.system import use
from engine.system.use import History
from tests.waiting import wait_for

MOST_MILLISECONDS = 20.0  # of processor time for a look; it takes about one


def test_the_processor_is_measured_from_look_to_look_and_only_the_newest_are_kept() -> None:
    history = History(kept=3)
    history.look()
    assert history.samples() == ()  # there was nothing to measure from
    busy_until = time.process_time() + 0.2
    while time.process_time() < busy_until:
        pass
    for _ in range(5):
        history.look()
    samples = history.samples()
    assert len(samples) == 3
    assert all(0 <= one.processor_percent <= 100 for one in samples)
    assert 0 < samples[-1].memory_used_bytes <= psutil.virtual_memory().total
    assert 0 < samples[-1].disk_used_bytes <= use.sizes()[1]
    assert samples == tuple(sorted(samples, key=lambda one: one.at))


def test_a_look_costs_little() -> None:
    history = History()
    history.look()
    before = time.process_time()
    for _ in range(20):
        history.look()
    assert (time.process_time() - before) * 1000 / 20 < MOST_MILLISECONDS


def test_a_look_that_hangs_keeps_one_thread_and_not_the_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    go, looks, history = threading.Event(), list[int](), History()

    def slow() -> None:
        looks.append(1)
        go.wait(60)

    monkeypatch.setattr(use, "_looks", Answers[None]("slow look", places=1))
    monkeypatch.setattr(use, "_history", history)
    monkeypatch.setattr(history, "look", slow)
    for _ in range(5):
        use.keep()
    assert len(looks) == 1
    go.set()

    def looked_again() -> bool:
        use.keep()
        return len(looks) > 1

    wait_for(looked_again)


def test_each_process_of_the_studio_looks_by_itself_every_fifteen_seconds() -> None:
    chore = upkeep.CHORES["machine use"]
    assert (chore.act, chore.every_seconds, chore.for_leader) == (use.keep, 15.0, False)
    assert use.KEPT * use.EVERY_SECONDS == 3600
