"""One attempt of a worker: started once, whoever comes; never thought dead while it starts; read to its end."""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.process import attempts, events, process, shim
from engine.process.attempts import State
from engine.process.plan import Plan
from tests.waiting import wait_for


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "work"
    process.end(tmp_path / "work")


def program(text: str) -> Plan:
    return Plan([sys.executable, "-S", "-c", text])


SLEEPS = program("import time; time.sleep(300)")


def test_an_attempt_is_new_then_living_then_ended(folder: Path) -> None:
    assert attempts.look(folder, 1).state is State.NEW
    attempts.start(folder, 1, lambda: SLEEPS)
    assert attempts.look(folder, 1).state is State.LIVING
    assert attempts.look(folder, 2).state is State.NEW
    process.end(folder)
    seen = attempts.look(folder, 1)
    assert (seen.state, seen.over) == (State.ENDED, True)


def test_what_an_ended_attempt_said_is_read_before_it_is_over(folder: Path) -> None:
    attempts.start(folder, 1, lambda: SLEEPS)
    events.append(folder, events.Note(message="one"))
    process.end(folder)
    seen = attempts.look(folder, 1)
    assert (len(seen.events), seen.is_news, seen.over) == (1, True, False)
    again = attempts.look(folder, 1, seen.offset)
    assert (again.events, again.over) == ([], True)


def test_a_line_that_was_torn_by_a_kill_is_passed_over_and_not_read_for_ever(folder: Path) -> None:
    attempts.start(folder, 1, lambda: SLEEPS)
    (folder / events.FILE).write_text('{"kind": "prog\n')
    process.end(folder)
    seen = attempts.look(folder, 1)
    assert (seen.events, seen.over) == ([], False)
    assert attempts.look(folder, 1, seen.offset).over


def test_what_a_killed_shim_has_left_is_ended_by_the_look(folder: Path) -> None:
    left = "import subprocess, time; subprocess.Popen(['sleep', '300'], start_new_session=True); time.sleep(300)"
    attempts.start(folder, 1, lambda: program(left))
    wait_for(lambda: "sleep" in names(folder))
    os.kill(json.loads((folder / "shim.json").read_text())["shim"], signal.SIGKILL)
    wait_for(lambda: attempts.state_of(folder, 1) is State.ENDED)
    wait_for(lambda: names(folder) == [])


def names(folder: Path) -> list[str]:
    """The processes that work for a folder."""
    process_names = []
    for candidate in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if candidate.environ().get(shim.COOKIE) == str(folder):
                process_names.append(candidate.name())
    return process_names


def test_twenty_who_start_the_same_attempt_plan_and_start_it_once(folder: Path) -> None:
    planned: list[int] = []

    def plan() -> Plan:
        planned.append(1)
        return SLEEPS

    threads = [threading.Thread(target=attempts.start, args=(folder, 1, plan)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(planned) == 1
    assert attempts.state_of(folder, 1) is State.LIVING


def test_while_one_plans_for_long_the_others_go_away_and_see_an_attempt_that_is_new(folder: Path) -> None:
    planning, go_on = threading.Event(), threading.Event()

    def slow_plan() -> Plan:
        planning.set()
        go_on.wait(60)
        return SLEEPS

    slow = threading.Thread(target=attempts.start, args=(folder, 1, slow_plan))
    slow.start()
    planning.wait(60)
    attempts.start(folder, 1, lambda: pytest.fail("planned twice"))
    assert attempts.state_of(folder, 1) is State.NEW
    go_on.set()
    slow.join()
    assert attempts.state_of(folder, 1) is State.LIVING


def test_an_attempt_whose_planner_failed_can_be_started_by_the_next(folder: Path) -> None:
    def fails() -> Plan:
        raise ValueError("no plan")

    with pytest.raises(ValueError, match="no plan"):
        attempts.start(folder, 1, fails)
    attempts.start(folder, 1, lambda: SLEEPS)
    assert attempts.state_of(folder, 1) is State.LIVING


def test_an_attempt_that_is_just_being_started_never_looks_ended(folder: Path) -> None:
    seen: set[State] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(attempts.state_of(folder, 1))

    watcher = threading.Thread(target=watch)
    watcher.start()
    attempts.start(folder, 1, lambda: SLEEPS)
    wait_for(lambda: State.LIVING in seen)
    stop.set()
    watcher.join()
    assert State.ENDED not in seen


def test_a_worker_that_died_without_a_word_is_tried_again_as_often_as_its_kind_says() -> None:
    assert [attempts.tries_again(attempt, retries=1) for attempt in (1, 2, 3)] == [True, False, False]
    assert not attempts.tries_again(1, retries=0)
