"""The loop: one leader, one round a second, and nothing that breaks the others."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.life import reconciler
from engine.life.reconciler import Reconciler
from engine.process import plan, queue, work
from engine.process.answers import Answers
from storage.statuses import WorkStatus
from tests.conftest import ROOT
from tests.waiting import wait_for

IN_THE_LOOP = dict(reconciler.TICKS)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "EVERY_SECONDS", 0.02)
    for name in reconciler.TICKS:
        monkeypatch.setitem(reconciler.TICKS, name, lambda: None)


@pytest.fixture
def begin() -> Iterator[Callable[[], Reconciler]]:
    begun: list[Reconciler] = []

    def start() -> Reconciler:
        begun.append(Reconciler())
        begun[-1].start()
        return begun[-1]

    yield start
    for running in begun:
        running.stop()


def test_one_kind_of_thing_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], Reconciler]
) -> None:
    rounds: list[str] = []

    def fail() -> None:
        raise RuntimeError("the models are broken")

    monkeypatch.setitem(reconciler.TICKS, "models", fail)
    monkeypatch.setitem(reconciler.TICKS, "devices", lambda: rounds.append("devices"))
    begin()
    wait_for(lambda: len(rounds) > 3)


def test_one_leads_and_when_it_goes_the_next_takes_over(begin: Callable[[], Reconciler]) -> None:
    first = begin()
    wait_for(lambda: first.leads)
    second = begin()
    first.stop()
    wait_for(lambda: second.leads)
    assert not first.leads


def test_the_second_does_nothing_while_the_first_leads(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], Reconciler]
) -> None:
    first = begin()
    wait_for(lambda: first.leads)
    rounds: list[int] = []
    second = begin()
    monkeypatch.setitem(reconciler.TICKS, "devices", lambda: rounds.append(1))
    wait_for(lambda: len(rounds) > 10)
    assert not second.leads


def test_whatever_in_the_engine_moves_by_itself_is_in_the_loop_and_devices_come_last() -> None:
    ticking = {path for path in (ROOT / "engine").rglob("*.py") if "\ndef tick() -> None:" in path.read_text()}
    looped = {Path(inspect.getfile(act)) for act in IN_THE_LOOP.values()}
    assert looped == ticking - {Path(reconciler.__file__)}
    assert list(IN_THE_LOOP)[-1] == "devices"  # what ended in a round gives its device back in the same one


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rounds of a loop that comes only for news."""
    rounds: list[str] = []
    monkeypatch.setattr(reconciler, "EVERY_SECONDS", 600)
    monkeypatch.setitem(reconciler.TICKS, "devices", lambda: rounds.append("devices"))
    return rounds


@queue.huey.task()
def nothing() -> None:
    """A task that anybody may ring for."""


TELLING: dict[str, Callable[[], object]] = {
    "a bell": lambda: queue.ring(nothing),
    "an answer that is waited for": lambda: Answers[int]("test", is_news=True).to("a", lambda: 1),
}


@pytest.mark.parametrize("what", TELLING)
def test_news_brings_a_round_before_the_second_is_over(
    what: str, monkeypatch: pytest.MonkeyPatch, begin: Callable[[], Reconciler]
) -> None:
    rounds = counted(monkeypatch)
    running = begin()
    wait_for(lambda: rounds)
    before = len(rounds)
    TELLING[what]()
    wait_for(lambda: len(rounds) > before)
    running.stop()
    assert not running._thread.is_alive()


def test_what_a_worker_ends_with_is_taken_in_without_a_second_of_waiting(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], Reconciler]
) -> None:
    counted(monkeypatch)
    monkeypatch.setitem(plan.WORKERS, "token_rows", "tests.engine.process.fake_work")
    monkeypatch.setitem(reconciler.TICKS, "work", work.tick)
    begin()
    piece = work.start("token_rows", "d1", {"count": 2})
    wait_for(lambda: work.look_up(piece.id).status == WorkStatus.SUCCEEDED)
