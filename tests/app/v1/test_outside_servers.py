"""Outside servers behind the gateway that speak HTTP badly, say too much, or nothing: an answer in OpenAI's words."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import psutil
import pytest
from fastapi import FastAPI

from app.v1 import answers, connections, gateway, proxy, traffic, upstream_answers
from engine.chat import chat
from engine.serve import endpoints, outside, routing
from storage import db
from storage import endpoints as stored_endpoints
from tests.hostile_server import EVENTS, LIST, OK, Script, drip, flood, hostile, silent, text
from tests.serving import bring_up, end_all, http_server
from tests.waiting import wait_for

ANSWER = b'{"id": "1", "object": "chat.completion", "created": 1, "model": "big", "choices": []}'
MIB = 1 << 20
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
Scripts = dict[str, Script]


@pytest.fixture
def scripts() -> Scripts:
    """What the outside server `cloud` says; it lists its model."""
    return {"models": text(OK + b"\r\n" + LIST)}


@pytest.fixture
def url(scripts: Scripts) -> Iterator[str]:
    app = FastAPI()
    app.include_router(gateway.router)
    with hostile(scripts) as address, http_server(app) as studio:
        options = {"url": address, "model": "big"}
        bring_up(endpoints.create_endpoint("cloud", "external", options=options))
        yield f"{studio}/v1"
        end_all()


def ask(url: str, **more: Any) -> httpx.Response:
    body = {"model": "cloud", "messages": [{"role": "user", "content": "hello"}], **more}
    return httpx.post(f"{url}/chat/completions", json=body, timeout=60)


def memory() -> float:
    return psutil.Process().memory_info().rss / MIB


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        (text(b""), 503, "does not answer"),
        (text(b"\x00\xff garbage\r\n\r\n"), 502, "broke off"),
        (text(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n{}"), 502, "broke off"),
        (text(OK + b"x: " + b"y" * 200_000 + b"\r\n\r\n"), 502, "broke off"),
        (text(OK + b"content-length: x\r\n\r\n{}"), 502, "broke off"),
        (text(OK + b"content-length: 90\r\n\r\n{}"), 502, "broke off"),
        (text(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}"), 502, "broke off"),
        (text(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(ANSWER)), 502, "compressed"),
        (text(OK + b"content-encoding: gzip\r\n\r\nno gzip"), 502, "compressed"),
        (text(OK + b"\r\n{"), 502, "not JSON"),
        (text(OK + b'\r\n{"a": "\\ud800"}'), 502, "not JSON"),
        (text(OK + b"\r\n" + b"[" * 100_000), 502, "not JSON"),
        (text(OK + b"\r\n[" + b"[]," * (upstream_answers.MOST_NESTED + 1) + b"[]]"), 502, "too many parts"),
        (text(OK.replace(b"json", b"xml") + b"\r\n<a/>"), 502, "without JSON"),
        (text(OK.replace(b"200 OK", b"700 What") + b"\r\n{}"), 502, "answered 700"),
        (text(OK.replace(b"200 OK", b"302 Found") + b"location: http://127.0.0.1:9/\r\n\r\n{}"), 502, "answered 302"),
        (text(OK.replace(b"200 OK", b"101 Switching") + b"\r\n{}"), 502, "answered 101|broke off"),
        (text(OK + b"content-length: 33554433\r\n\r\n"), 502, "larger than 32 MiB"),
        (flood(OK + b"\r\n", b" " * MIB, 40), 502, "larger than 32 MiB"),
        (
            flood(OK + b"transfer-encoding: chunked\r\n\r\n", b"100000\r\n" + b" " * MIB + b"\r\n", 40),
            502,
            "larger than",
        ),
    ],
)
def test_an_outside_server_that_answers_badly_is_502_in_openais_words(
    url: str, scripts: Scripts, script: Script, status: int, words: str
) -> None:
    scripts["chat/completions"] = script
    answer = ask(url)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert any(word in message for word in words.split("|")), message
    assert answer.json()["error"]["type"] == "server_error"
    scripts["chat/completions"] = text(OK + b"\r\n" + ANSWER)
    assert ask(url).json()["model"] == "cloud"  # and it goes on


def test_an_error_of_the_outside_server_is_passed_on(url: str, scripts: Scripts) -> None:
    error = b'{"error": {"message": "Too many.", "type": "x"}}'
    scripts["chat/completions"] = text(OK.replace(b"200 OK", b"429 Too Many Requests") + b"\r\n" + error)
    answer = ask(url)
    assert (answer.status_code, answer.content) == (429, error)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (text(EVENTS + b'data: {"choices": [\n\n'), "not JSON"),
        (text(EVENTS + b"data: {" + b"x" * (MIB + 1)), "does not end"),
        (flood(EVENTS, b"x" * MIB, 60), "does not end"),
        (text(EVENTS.replace(b"\r\n\r\n", b"\r\ncontent-length: 900\r\n\r\ndata: x\n\n")), "broke off"),
    ],
)
def test_a_stream_that_goes_wrong_ends_with_an_error_event(
    url: str, scripts: Scripts, script: Script, words: str
) -> None:
    scripts["chat/completions"] = script
    answer = ask(url, stream=True)
    assert answer.status_code == 200
    last = answer.text.strip().rpartition("data: ")[2]
    assert words in last
    assert '"server_error"' in last


def test_a_compressed_stream_is_refused_before_it_begins(url: str, scripts: Scripts) -> None:
    head = EVENTS.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    scripts["chat/completions"] = text(head + gzip.compress(b"data: {}\n\n"))
    assert (ask(url, stream=True).status_code, ask(url, stream=True).json()["error"]["type"]) == (502, "server_error")


def test_neither_a_long_answer_nor_a_short_one_that_unpacks_to_gigabytes_fills_the_memory(
    url: str, scripts: Scripts
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b" " * MIB) for _ in range(300)) + packer.flush()
    scripts["chat/completions"] = flood(OK + b"\r\n", b" " * MIB, 600)
    before = memory()
    assert ask(url).status_code == 502
    scripts["chat/completions"] = text(OK + b"content-encoding: gzip\r\n\r\n" + bomb)
    assert ask(url).status_code == 502
    assert memory() - before < 150


@pytest.mark.parametrize(
    ("script", "stream"), [(silent, False), (silent, True), (drip(OK + b"\r\n"), False), (drip(OK[:-2]), False)]
)
def test_a_server_that_says_nothing_or_drips_is_504_in_time(
    url: str, scripts: Scripts, script: Script, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "WHOLE_SECONDS", 0.4)
    monkeypatch.setattr(proxy, "SILENT_SECONDS", 0.3)
    scripts["chat/completions"] = script
    answer = ask(url, stream=stream)
    assert answer.status_code == 504
    assert "did not answer in time" in answer.json()["error"]["message"]
    wait_for(lambda: traffic.REGISTRY.get_sample_value("tunesmith_gateway_in_flight") == 0)


def test_a_stream_that_falls_silent_ends_and_one_that_goes_on_may_take_longer(
    url: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "WHOLE_SECONDS", 0.6)
    monkeypatch.setattr(proxy, "SILENT_SECONDS", 0.4)

    def words(say: Any, over: Any) -> None:
        say(EVENTS)
        for _ in range(8):
            over.wait(0.1)
            say(b'data: {"choices": []}\n\n')
        over.wait(60)

    scripts["chat/completions"] = words
    events = ask(url, stream=True).text.strip().split("\n\n")
    assert [event for event in events if "choices" in event] == ['data: {"choices":[],"model":"cloud"}'] * 8
    assert "sent nothing for too long" in events[-1]


def test_a_name_that_now_leads_to_a_place_of_credentials_is_never_asked(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, now = socket.getaddrinfo, ["127.0.0.1"]

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return look_up(now[0] if host == "rebound.example" else host, port, *more, **named)

    async def ask_twice(address: str) -> None:
        server = connections.server(address)
        answer = await server.ask("models", {}, b"{}", None)
        await answer.head()
        assert await answer.read(MIB) == LIST
        now[0] = "169.254.169.254"
        with pytest.raises(answers.UnreachedError) as caught:
            await server.ask("models", {}, b"{}", None, fresh=True)
        assert isinstance(caught.value.__cause__, outside.AddressRefusedError)
        await connections.close_all()

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with hostile(scripts) as address:
        asyncio.run(ask_twice(address.replace("127.0.0.1", "rebound.example")))


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("http://169.254.169.254/v1", 502, "never asked"),
        ("http://[::ffff:169.254.169.254]/v1", 502, "never asked"),
        ("http://0xA9FEA9FE/v1", 502, "never asked"),
        ("http://a.example:99999/v1", 502, "broke off"),
        ("http://[::1", 502, "broke off"),
        ("http://127.0.0.1:9/v1", 503, "does not answer"),
    ],
)
def test_an_address_that_an_older_version_has_stored_is_answered_for_too(
    url: str, address: str, status: int, words: str
) -> None:
    with db.session() as session:
        for _endpoint, row in stored_endpoints.live(session):
            row.address = address
    routing.forget()
    answer = ask(url)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (text(EVENTS + b'data: {"choices": [\n\n'), "does not answer as OpenAI's API"),
        (text(EVENTS + b'data: {"choices": 7}\n\n'), "does not answer as OpenAI's API"),
        (text(EVENTS + b'data: {"choices": ["a"]}\n\n'), "does not answer as OpenAI's API"),
        (text(EVENTS + b'data: {"error": "no"}\n\n'), "broke off: no"),
        (text(EVENTS + b'data: {"error": {"message": "Too many."}}\n\n'), "broke off: Too many."),
        (flood(EVENTS, b"x" * MIB, 40), "does not answer as OpenAI's API"),
        (text(b"\x00\r\n\r\n"), "broke off"),
        (text(OK.replace(b"200 OK", b"500 No") + b"\r\n[]"), "refused: status 500"),
        (text(OK.replace(b"200 OK", b"400 No") + b'\r\n{"error": "too long"}'), "refused: too long"),
        (text(EVENTS.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n") + b"x"), "broke off"),
    ],
)
def test_the_chat_page_says_what_an_outside_server_did_wrong(
    url: str, scripts: Scripts, script: Script, words: str
) -> None:
    scripts["chat/completions"] = script
    with pytest.raises(chat.ChatError, match=words):
        list(chat.stream("cloud", [{"role": "user", "content": "hello"}]))


def test_openais_client_reads_the_last_event_of_a_broken_stream(url: str, scripts: Scripts) -> None:
    scripts["chat/completions"] = text(EVENTS + b'data: {"choices": []}\n\ndata: {"choi\n\n')
    with openai.OpenAI(base_url=url, api_key="sk-x", max_retries=0) as client:
        stream = client.chat.completions.create(model="cloud", messages=[{"role": "user", "content": "a"}], stream=True)
        with pytest.raises(openai.APIError, match="not JSON"):
            list(stream)


def test_the_limits_are_those_of_the_docs() -> None:
    assert (outside.MOST_ANSWER_BYTES >> 20, proxy.WHOLE_SECONDS, proxy.SILENT_SECONDS) == (32, 600, 300)
