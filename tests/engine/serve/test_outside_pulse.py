"""Outside servers that die, hang or answer badly after they were ready: it is said, and nothing is ended."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from engine.serve import backends, endpoints
from engine.serve.watching import outside_pulse
from pages.serve.endpoint_view import endpoints_html
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.hostile_server import EVENTS, LIST, NOT_FOUND, OK, Script, drip, flood, hostile, silent, text
from tests.load.counting import counting
from tests.serving import active, bring_up, end_all, until
from tests.waiting import wait_for

LISTED = text(OK + b"\r\n" + LIST)
HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<p>hello"
MOVED = b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def status(code: int) -> Script:
    return text(f"HTTP/1.1 {code} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Script]]:
    """What the server says at each path; looked at often. It has a minute to say it: a busy machine takes seconds."""
    for name, seconds in {"LOOK_SECONDS": 0.05, "AGAIN_SECONDS": 0.02, "ASK_SECONDS": 60}.items():
        monkeypatch.setattr(outside_pulse, name, seconds)
    yield {"models": LISTED}
    end_all()


@pytest.fixture
def url(scripts: dict[str, Script]) -> Iterator[str]:
    with hostile(scripts) as address:
        yield address


def made(name: str, url: str, **more: str) -> Endpoint:
    endpoint = endpoints.create_endpoint(name, "external", options={"url": url, "model": "big", **more})
    bring_up(endpoint)
    return endpoint


@pytest.fixture
def up(url: str) -> Endpoint:
    return made("cloud", url)


def said(endpoint: Endpoint) -> dict[str, Any] | None:
    """What REST and the page say of its silence, after one round."""
    backends.tick()
    silence: dict[str, Any] | None = endpoints.describe(endpoint)["life"]["silent"]
    return silence


def looks(backend: Backend, count: int) -> None:
    """Rounds until it was looked at so many times more."""
    seen = []

    def is_done() -> bool:
        pulse = outside_pulse._pulses.get(backend.id)
        if pulse is not None and pulse not in seen:
            seen.append(pulse)
        backends.tick()
        return len(seen) > count

    wait_for(is_done, every=0.01)


@pytest.mark.parametrize(
    ("becomes", "words"),
    [
        (silent, "It took too long to answer."),
        (drip(b"HTTP/1.1 200 OK\r\nx-a: ", b"x", 0.02), "It took too long to answer."),
        (text(b""), "It does not speak HTTP: Server disconnected without sending a response."),
        (text(b"hello\r\n\r\n"), "It does not speak HTTP: illegal status line"),
        (status(503), "It answers with status 503."),
        (status(401), "It wants a key: name the variable that holds it."),
        (text(HTML), "It answers with a web page, not as OpenAI's API does."),
        (text(MOVED), "It redirects to http://elsewhere/, and redirects are not followed."),
    ],
    ids=["silent", "drips", "closes", "no HTTP", "503", "401", "web page", "redirect"],
)
def test_one_that_stops_answering_is_said_and_not_failed_and_taken_back_when_it_answers(
    up: Endpoint, scripts: dict[str, Script], becomes: Script, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(active(up), 2)
    assert said(up) is None
    if "too long" in words:  # what comes too late is not waited for
        monkeypatch.setattr(outside_pulse, "ASK_SECONDS", 0.3)
    scripts["models"] = becomes
    silence = wait_for(lambda: said(up), every=0.02)
    assert silence is not None
    assert silence["reason"].startswith(words)
    assert abs(silence["since"] - time.time()) < 90
    assert (active(up).status, active(up).attempt) == (EndpointStatus.READY, 1)
    monkeypatch.setattr(outside_pulse, "ASK_SECONDS", 60)
    scripts["models"] = LISTED
    wait_for(lambda: said(up) is None, every=0.02)


def test_the_card_says_that_it_does_not_answer_since_when_and_why(up: Endpoint, scripts: dict[str, Script]) -> None:
    assert ">ready<" in endpoints_html({"project": "default"}).replace("<i></i>", "")
    scripts["models"] = text(b"HTTP/1.1 302 Found\r\nlocation: http://<b>/\r\nconnection: close\r\n\r\n")
    wait_for(lambda: said(up), every=0.02)
    shown = endpoints_html({"project": "default"})
    assert ">does not answer<" in shown.replace("<i></i>", "")
    assert "It redirects to http://&lt;b&gt;/, and redirects are not followed." in shown
    assert "Stop" in shown


def test_a_server_that_has_ended_is_said_and_one_that_hangs_keeps_no_other_waiting(
    scripts: dict[str, Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging: dict[str, Script] = {"models": LISTED}
    with hostile(hanging) as slow, hostile(scripts) as living:
        with hostile({"models": LISTED}) as dead:
            gone, hung, well = made("gone", dead), made("hung", slow), made("well", living)
        hanging["models"] = silent
        monkeypatch.setattr(outside_pulse, "ASK_SECONDS", 0.3)
        silences = [wait_for(partial(said, endpoint), every=0.02) for endpoint in (gone, hung)]
        monkeypatch.setattr(outside_pulse, "ASK_SECONDS", 60)
        began = time.monotonic()
        backends.tick()
        assert time.monotonic() - began < outside_pulse.ASK_SECONDS
        wait_for(lambda: said(well) is None, every=0.02)
    assert silences[0] is not None
    assert silences[0]["reason"] == "It cannot be reached: [Errno 111] Connection refused."


def test_one_miss_is_not_a_silence(up: Endpoint, scripts: dict[str, Script], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_pulse, "AGAIN_SECONDS", 600.0)
    monkeypatch.setattr(outside_pulse, "ASK_SECONDS", 0.3)
    scripts["models"] = silent
    wait_for(lambda: said(up) is not None or outside_pulse._pulses[active(up).id].misses == 1, every=0.02)
    assert said(up) is None


@pytest.mark.parametrize("answer", [NOT_FOUND, EVENTS], ids=["no list", "no JSON"])
def test_what_answers_at_all_is_there(up: Endpoint, scripts: dict[str, Script], answer: bytes) -> None:
    """text-embeddings-inference has no list, and a list of thousands is not read."""
    scripts["models"] = text(answer)
    looks(active(up), 4)
    assert said(up) is None


def test_too_many_requests_is_an_answer_and_a_flood_is_not_read(up: Endpoint, scripts: dict[str, Script]) -> None:
    scripts["models"] = status(429)
    looks(active(up), 3)
    assert said(up) is None
    scripts["models"] = flood(OK + b"\r\n", b"x" * 65536, 2000)
    began = time.monotonic()
    looks(active(up), 3)
    assert time.monotonic() - began < 30
    assert said(up) is None


def test_looks_that_find_nothing_new_write_nothing(up: Endpoint, scripts: dict[str, Script]) -> None:
    with counting() as counted:
        looks(active(up), 3)
    assert counted.writes == 0
    scripts["models"] = status(500)
    wait_for(lambda: said(up), every=0.02)
    with counting() as counted:
        looks(active(up), 1)
    assert counted.writes == 0


def test_a_stopped_endpoint_is_neither_asked_nor_said_to_be_silent(up: Endpoint, scripts: dict[str, Script]) -> None:
    scripts["models"] = status(500)
    wait_for(lambda: said(up), every=0.02)
    endpoints.stop_endpoint(up.id)
    until(active(up).id, EndpointStatus.STOPPED)
    assert said(up) is None


def test_a_key_that_is_gone_from_the_environment_is_said(
    scripts: dict[str, Script], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", "secret")
    endpoint = made("cloud", url, api_key_env="CLOUD_API_KEY")
    monkeypatch.delenv("CLOUD_API_KEY")
    silence = wait_for(lambda: said(endpoint), every=0.02)
    assert silence is not None
    assert silence["reason"].startswith("The environment variable CLOUD_API_KEY is not set.")
