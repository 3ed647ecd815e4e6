"""What a process keeps in its memory is safe for all its threads, bounded, and never older than the last change."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from engine.accounts import keys
from engine.process import logs, process
from engine.process.answers import Answers
from engine.process.plan import Plan
from engine.serve import routing
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.waiting import wait_for


@contextmanager
def held_after(words: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Holds whoever has just read something by a statement with these words: (it is there, let it go on)."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if words in statement and threading.current_thread() is not threading.main_thread():
            reached.set()
            go_on.wait(60)

    event.listen(Engine, "after_cursor_execute", hold)
    try:
        yield reached, go_on
    finally:
        go_on.set()
        event.remove(Engine, "after_cursor_execute", hold)


def serve(name: str) -> None:
    with db.session() as session:
        endpoint = Endpoint(project_id="default", name=name)
        session.add(endpoint)
        session.flush()
        backend = Backend(endpoint_id=endpoint.id, kind="external", options={"model": "m"}, served_names=["m"])
        backend.status, backend.address = EndpointStatus.READY, "http://127.0.0.1:9"
        session.add(backend)
        session.flush()
        endpoint.active_backend_id = backend.id


def test_a_table_of_routes_that_was_read_before_a_change_is_not_used_after_it() -> None:
    routing.forget()
    with held_after("endpoint.active_backend_id") as (reading, go_on):
        reader = threading.Thread(target=routing.refresh)
        reader.start()
        assert reading.wait(60)
        serve("new")
        routing.forget()
        go_on.set()
        reader.join()
    assert routing.stale()
    assert routing.upstream("new").model == "m"


def test_a_key_that_is_revoked_while_it_is_looked_up_stops_at_once() -> None:
    key, secret = keys.create_key("k")
    keys.forget()
    with held_after("FROM apikey") as (reading, go_on):
        reader = threading.Thread(target=keys.verify, args=(secret,))
        reader.start()
        assert reading.wait(60)
        keys.revoke_key(key.id)
        go_on.set()
        reader.join()
    assert keys.remembered(secret) is None
    verified = keys.verify(secret)
    assert verified is None or verified.revoked_at is not None


def test_shims_that_many_threads_start_are_all_reaped(tmp_path: Path) -> None:
    def start(number: int) -> Path:
        folder = tmp_path / str(number)
        process.start(Plan(["true"]), folder, 1)
        return folder

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(start, range(16)))
    wait_for(lambda: not any([process.alive(folder) for folder in folders]))
    wait_for(lambda: process.alive(folders[0]) or process._children._shims == [])


def test_failures_that_are_each_different_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    repeats = logs.Repeats()
    assert all(repeats.is_news(("runs", "r", str(number))) for number in range(3 * logs.MOST_SILENCED))
    assert not repeats.is_news(("runs", "r", str(3 * logs.MOST_SILENCED - 1)))
    assert len(repeats._written) <= logs.MOST_SILENCED


def test_an_answer_is_asked_for_once_and_given_once_to_whoever_comes_back() -> None:
    calls: list[int] = []
    go_on = threading.Event()

    def question() -> int:
        calls.append(1)
        go_on.wait(60)
        return 7

    answers: Answers[int] = Answers("test")
    assert answers.to("a", question) is None
    assert answers.to("a", question) is None  # under way: whoever asks does not wait
    go_on.set()
    answer = wait_for(lambda: answers.to("a", question))
    assert answer is not None
    assert (answer.value, calls) == (7, [1])
    assert answers.to("a", question) is None  # asked anew


def test_a_question_that_fails_fails_where_the_answer_is_fetched() -> None:
    answers: Answers[int] = Answers("test")

    def question() -> int:
        raise ValueError("no answer")

    answers.to("a", question)
    with pytest.raises(ValueError, match="no answer"):
        wait_for(lambda: answers.to("a", question))
