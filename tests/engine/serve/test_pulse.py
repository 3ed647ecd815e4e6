"""Servers that live and say nothing: told from those that compute, and started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from engine.process import footprint
from engine.serve import backends, probe
from engine.serve.watching import pulse
from engine.serve.watching.pulse import Pulse
from storage import home
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.engine.serve.looking import living, says
from tests.serving import active, backend, until, worker_of
from tests.waiting import wait_for

AUTOGROUP = Path("/proc/self/autogroup")  # on Linux


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> Backend:
    """A backend that answers and is looked at often."""
    monkeypatch.setattr(pulse, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(pulse, "HEALTH_SECONDS", 0.4)
    monkeypatch.setattr(pulse, "QUESTION_SECONDS", 0.4)
    return active(endpoint)


def looked(up: Backend) -> Pulse:
    """After one more look than before."""
    before = pulse._pulses.get(up.id)

    def is_newer() -> bool:
        backends.tick()
        return pulse._pulses.get(up.id) is not before

    wait_for(is_newer, every=0.02)
    return pulse._pulses[up.id]


def send(up: Backend, text: str) -> None:
    with probe.open_client(str(up.address), timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.post("completions", json={"model": "jokes", "prompt": text})


def test_a_stopped_server_is_noticed_killed_and_started_again(up: Backend) -> None:
    pid = worker_of(up)
    os.kill(pid, signal.SIGSTOP)
    again = until(up.id, EndpointStatus.QUEUED)
    assert not living(pid)
    assert (again.restarts, again.attempt) == (1, 2)
    assert str(again.error).startswith("Its process lives, computes nothing and did not answer 3 times in ")
    until(up.id, EndpointStatus.READY)
    assert says() == "base says  hello"


def test_a_server_that_computes_is_left_alone_however_silent_it_is(up: Backend) -> None:
    computing = threading.Thread(target=send, args=(up, "compute 2.5"))
    computing.start()
    wait_for(lambda: looked(up).silent_since is not None)
    began = time.monotonic()
    misses = [looked(up).misses for _ in range(4)]  # each look is as long as three misses take a stopped server
    assert time.monotonic() - began > pulse.MOST_MISSES * pulse.HEALTH_SECONDS
    assert set(misses) == {0}
    wait_for(lambda: looked(up).silent_since is None)
    computing.join()
    assert (backend(up.id).status, backend(up.id).attempt) == (EndpointStatus.READY, 1)


def test_an_engine_that_hangs_behind_an_api_that_answers_is_noticed_by_a_question(
    up: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "QUESTION_EVERY_SECONDS", 0)
    assert looked(up).answered_at > 0
    assert looked(up).misses == 0
    send(up, "hang")
    with probe.open_client(str(up.address)) as client:
        assert client.get("http://backend/health").is_success
    assert until(up.id, EndpointStatus.QUEUED).restarts == 1


def test_an_idle_server_is_asked_no_question_before_it_is_due(up: Backend) -> None:
    send(up, "hang")
    for _ in range(4):
        assert looked(up).misses == 0
    assert backend(up.id).status == EndpointStatus.READY


def test_what_computes_and_says_nothing_for_ten_minutes_is_given_up() -> None:
    assert pulse._verdict(Pulse(1, at=1_000, silent_since=500)) == ""
    said = pulse._verdict(Pulse(1, at=1_000, silent_since=390))
    assert said == "Its process computes, and has answered nothing for 10 minutes."


def test_an_idle_process_is_not_taken_for_one_that_computes(up: Backend) -> None:
    """A frozen one has used nothing at all, an idle one next to nothing."""
    folder = home.backend_folder(up.id)
    began, before = time.monotonic(), footprint.cpu_seconds(folder)
    wait_for(lambda: time.monotonic() - began > 1)
    assert not pulse._worked(before, footprint.cpu_seconds(folder), 1)
    assert pulse._worked(5.0, 4.0, 1)  # one of them has ended: nothing is known
    assert pulse._worked(None, 4.0, 1)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the system gives no session of processes a share of its own")
def test_a_server_that_gets_no_core_is_not_taken_for_one_that_hangs(up: Backend) -> None:
    """Others leave it a seventieth of one core, while it would compute."""
    pid, core = worker_of(up), min(os.sched_getaffinity(0))
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    Path(f"/proc/{pid}/autogroup").write_text("19")
    with crowded(core):
        threading.Thread(target=send, args=(up, "compute 2"), daemon=True).start()
        wait_for(lambda: looked(up).silent_since is not None)
        folder, began = home.backend_folder(up.id), time.monotonic()
        before = footprint.cpu_seconds(folder)
        misses = [looked(up).misses for _ in range(4)]
        assert not pulse._worked(before, footprint.cpu_seconds(folder), time.monotonic() - began)
    assert set(misses) == {0}
    assert (backend(up.id).status, backend(up.id).attempt) == (EndpointStatus.READY, 1)


@contextmanager
def crowded(core: int) -> Iterator[None]:
    """A program of its own session that always computes on that core."""
    spin = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile os.getppid() != 1: pass"
    spinning = subprocess.Popen([sys.executable, "-S", "-c", spin], start_new_session=True)
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()
