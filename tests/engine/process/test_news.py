"""What ends a wait early, and what does not."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from engine.process import attempts, events, news, process
from engine.process.news import News
from engine.process.plan import Plan
from tests.waiting import wait_for

LONG = 600.0


@contextlib.contextmanager
def waiting(told: News) -> Iterator[threading.Thread]:
    waits = threading.Thread(target=told.wait, args=(LONG,), daemon=True)
    waits.start()
    yield waits
    told.came()
    waits.join(60)
    assert not waits.is_alive()


def test_a_wait_ends_when_news_has_come_and_when_it_came_before() -> None:
    told = News()
    with waiting(told):
        pass
    told.came()
    told.wait(LONG)


def test_the_last_word_of_a_worker_is_news_and_steps_and_progress_are_not(tmp_path: Path) -> None:
    told = News()
    events.append(tmp_path, events.Finished())  # of an attempt before
    told.expect(tmp_path, 2, events.size(tmp_path))
    with waiting(told) as waits:
        for event in (
            events.Progress(done=1, total=2),
            events.Step(step=1, metrics={"loss": 1.0}),
            events.Note(message=""),
        ):
            events.append(tmp_path, event)
        expected = news._Expected(tmp_path, 2, 0)
        assert expected.has_come()  # what was read before is news to nobody else
        assert not expected.has_come()
        assert waits.is_alive()
        events.append(tmp_path, events.Ready(address="unix:x", models=["m"]))
        waits.join(60)
        assert not waits.is_alive()


def test_the_end_of_an_attempt_that_says_nothing_is_news(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    attempts.start(folder, 1, lambda: Plan([sys.executable, "-S", "-c", "import time; time.sleep(300)"]))

    def rounds() -> None:
        while not process.exit_record(folder, 1):  # other tests' news may come in between
            attempts.look(folder, 1)
            news.wait(LONG)

    try:
        waits = threading.Thread(target=rounds, daemon=True)
        waits.start()
        process.terminate(folder)
        waits.join(60)
        assert not waits.is_alive()
    finally:
        process.end(folder)


def test_an_attempt_that_nobody_looks_at_any_more_is_forgotten(tmp_path: Path) -> None:
    told = News()
    told.expect(tmp_path, 1, 0)
    told.came()
    told.wait(LONG)
    with waiting(told) as waits:
        events.append(tmp_path, events.Finished())
        assert waits.is_alive()
    assert not told._expected


def test_where_nobody_waits_only_the_newest_attempts_are_kept_in_mind(tmp_path: Path) -> None:
    told = News()
    for attempt in range(news.MOST_EXPECTED + 5):
        told.expect(tmp_path, attempt, 0)
    assert len(told._expected) == news.MOST_EXPECTED
    assert (tmp_path, 0) not in told._expected


def test_a_look_at_a_living_attempt_expects_it(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    attempts.start(folder, 1, lambda: Plan([sys.executable, "-S", "-c", "import time; time.sleep(300)"]))
    try:
        news.came()
        news.wait(LONG)  # forgets the start
        attempts.look(folder, 1)
        waits = threading.Thread(target=news.wait, args=(LONG,), daemon=True)
        waits.start()
        events.append(folder, events.Finished())
        waits.join(60)
        assert not waits.is_alive()
    finally:
        process.end(folder)
        wait_for(lambda: not process.alive(folder))
