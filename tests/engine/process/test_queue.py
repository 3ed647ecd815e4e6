"""The bell: small signed messages, kept under the home of the moment, and no harm when one is lost or forged."""

import os
import pickle
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.process import queue
from engine.process.lean_huey import Huey, Message
from storage import home
from tests.conftest import ROOT, needs
from tests.waiting import wait_for

heard: list[str] = []


@queue.huey.task()
def hear(word: str) -> None:
    if word == "bad":
        raise ValueError("a task that fails")
    heard.append(word)


@pytest.fixture(autouse=True)
def ringer() -> Iterator[queue.Ringer]:
    heard.clear()
    ringer = queue.Ringer()
    yield ringer
    ringer.stop() if ringer.worker_threads[0][1].is_alive() else None
    queue.forget()


def test_a_message_is_heard_within_a_second(ringer: queue.Ringer) -> None:
    ringer.start()
    hear("hello")
    wait_for(lambda: heard == ["hello"])
    assert queue.LONGEST_SECONDS < 0.5


def test_the_queue_works_off_the_main_thread_and_stops_there(ringer: queue.Ringer) -> None:
    thread = threading.Thread(target=ringer.start)
    thread.start()
    thread.join()
    hear("hello")
    wait_for(lambda: heard == ["hello"])
    ringer.stop()
    assert not any(worker.is_alive() for _, worker in ringer.worker_threads)


def test_a_task_that_fails_does_not_end_the_queue(ringer: queue.Ringer) -> None:
    ringer.start()
    hear("bad")
    hear("good")
    wait_for(lambda: heard == ["good"])


def test_only_the_owner_may_read_the_queue_and_its_key() -> None:
    hear("x")
    for path in (home.queue_file(), home.queue_secret()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_forged_message_does_not_run(ringer: queue.Ringer, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(trace),))

    queue.huey.storage.enqueue(pickle.dumps(Evil()))
    unsigned = (
        bytes(32)
        + queue.SignedJson()._serialize(Message("1", "tests.engine.process.test_queue.hear", args=["no"]))[32:]
    )
    queue.huey.storage.enqueue(unsigned)
    ringer.start()
    hear("good")
    wait_for(lambda: heard == ["good"])
    assert not trace.exists()


def test_a_message_of_another_home_does_not_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hear("x")
    message = queue.huey.storage.dequeue()
    assert queue.huey.deserialize_task(message).args == ["x"]
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "other"))
    with pytest.raises(ValueError, match="not signed"):
        queue.huey.deserialize_task(message)


def test_each_home_has_a_queue_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hear("here")
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "other"))
    assert queue.huey.storage.queue_size() == 0
    monkeypatch.undo()


def test_a_key_that_is_there_is_kept() -> None:
    hear("x")
    before = home.queue_secret().read_bytes()
    queue.forget()
    hear("y")
    assert home.queue_secret().read_bytes() == before
    assert queue.huey.storage.queue_size() == 2
    assert len(before) == 32


def test_importing_the_queue_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "untouched"))
    assert isinstance(Huey("x", storage_class=queue.CurrentStorage), Huey)
    assert not (tmp_path / "untouched").exists()


def test_the_studio_starts_without_the_clients_of_databases_it_does_not_use() -> None:
    code = "import sys, app.__main__; print([name for name in ('redis', 'psycopg') if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert finished.stdout.strip() == "[]"


@needs(shutil.which("redis-server"), "Redis")
def test_redis_takes_its_place_when_the_setting_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ringer: queue.Ringer
) -> None:
    socket = tmp_path / "redis.sock"
    argv = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        wait_for(socket.exists)
        monkeypatch.setenv("TUNESMITH_REDIS_URL", f"unix://{socket}")
        hear("by redis")
        assert not home.queue_file().exists()
        assert queue.huey.storage.queue_size() == 1
        ringer.start()
        wait_for(lambda: heard == ["by redis"])
        ringer.stop()
    finally:
        server.terminate()
        server.wait()
