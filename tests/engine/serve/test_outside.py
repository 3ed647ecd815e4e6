"""Addresses that a person typed: every spelling, every address behind a name, and servers that mean ill."""

import gzip
import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.process import plan
from engine.serve import backends, endpoints, outside, probe
from storage import db
from storage.statuses import EndpointStatus
from tests.hostile_server import LIST, OK, Script, drip, flood, hostile, silent, text
from tests.serving import active, backend, bring_up, end_all, ready_model, until

METADATA = "169.254.169.254"


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    yield
    end_all()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and the addresses they have; the first is taken off at each look-up, as long as there is another."""
    known: dict[str, list[str]] = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host not in known:
            return look_up(host, port, *more, **named)
        address = known[host][0] if len(known[host]) == 1 else known[host].pop(0)
        return [info for one in address.split() for info in look_up(one, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434/v1",
        "http://localhost:1234/v1",
        "http://[::1]:8080",
        "http://[::ffff:127.0.0.1]/v1",
        "http://0.0.0.0:11434/v1",
        "http://192.168.1.20:8000/v1",
        "http://10.0.0.1/v1",
        "http://100.64.0.7/v1",  # Tailscale
        "http://[fd12:3456::1]/v1",
        "http://[64:ff9b::8.8.8.8]/v1",
        "https://api.example.com/v1",
        "https://bücher.example/v1",
        "http://gpu-box:8000/v1",
        "http://my_server.local/v1",
        "http://example.com./v1",
    ],
)
def test_servers_of_ones_own_and_of_the_world_are_allowed(url: str) -> None:
    assert outside.checked_url(f" {url}/ ") == url


@pytest.mark.parametrize(
    "host",
    [
        METADATA,
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.0xfea9fe",
        f"{METADATA}.",
        "１６９.２５４.１６９.２５４",
        "①⑥⑨.254.169.254",
        "169。254。169。254",
        "169.254.169.%32%35%34",
        "2130706433",  # loopback, which is allowed, and written plainly
        "127.1",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "metadata",
        "metadata.goog",
    ],
)
def test_places_of_credentials_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(ValueError, match=r"link-local|plainly"):
        outside.checked_url(f"http://{host}/v1")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://a.example/v1\r\nX-Header: 1", "line end"),
        ("http://a.example\n/v1", "line end"),
        ("http://a.example/v 1", "space"),
        ("http://a.example/\x00", "control"),
        ("http://a.example:99999/v1", "port from 1 to 65535"),
        ("http://a.example:0/v1", "port from 1 to 65535"),
        ("http://a.example:-1/v1", "port from 1 to 65535"),
        ("http://a.example:x/v1", "port from 1 to 65535"),
        ("http://[::1/v1", r"\[::1\]"),
        ("http://user@a.example/v1", "no user"),
        ("http://@a.example/v1", "no user"),
        ("http:///v1", "name a host"),
        ("file:///etc/passwd", "http"),
        ("gopher://a.example", "http"),
    ],
)
def test_what_is_no_address_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        outside.checked_url(url)
    with pytest.raises(RefusedError, match=words):
        endpoints.create_endpoint("cloud", "external", options={"url": url, "model": "big"})


@given(st.ip_addresses(v=4, network="169.254.0.0/16"), st.booleans())
def test_a_link_local_address_is_refused_inside_every_kind_of_address(inner: Any, upper: bool) -> None:
    number = int(inner)
    for outer in (0xFFFF << 32, 0, 0x64FF9B << 96):
        assert outside.is_refused(ipaddress.IPv6Address(outer | number))
    assert outside.is_refused(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | upper))


def models(url: str, **limits: Any) -> httpx.Response:
    with probe.open_client(url, timeout=5, **limits) as client:
        return client.get("models")


def test_every_address_behind_a_name_is_checked(names: dict[str, list[str]]) -> None:
    names["cloud.example"] = [METADATA]
    with pytest.raises(httpx.ConnectError, match="never asked"):
        models("http://cloud.example:9/v1")
    with hostile({"models": text(OK + b"\r\n" + LIST)}) as url:
        names["cloud.example"] = [f"{METADATA} ::ffff:{METADATA} 127.0.0.1"]
        assert models(url.replace("127.0.0.1", "cloud.example")).content == LIST


def test_a_name_that_leads_elsewhere_the_next_time_is_refused_then(names: dict[str, list[str]]) -> None:
    names["rebound.example"] = ["127.0.0.1", METADATA]
    with hostile({"models": text(OK + b"\r\n" + LIST)}) as address:
        url = address.replace("127.0.0.1", "rebound.example")
        assert models(url).content == LIST
        with pytest.raises(httpx.ConnectError, match="never asked"):
            models(url)


def test_a_redirect_is_not_followed() -> None:
    visits: list[bytes] = []
    with hostile({"models": lambda say, over: visits.append(b"canary")}) as canary:
        head = b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: " + canary.encode() + b"/models\r\n\r\n"
        with hostile({"models": text(head)}) as url:
            assert f"It redirects to {canary}/models" in probe.outside_answers(url, "big", None).problem
    assert visits == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (text(b""), "does not speak HTTP"),
        (text(b"\x00\xff garbage\r\n\r\n"), "does not speak HTTP"),
        (text(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n{}"), "does not speak HTTP"),
        (text(OK + b"x: " + b"y" * 200_000 + b"\r\n\r\n"), "does not speak HTTP"),
        (text(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}"), "does not speak HTTP"),
        (text(OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(LIST)), "compressed"),
        (text(b"HTTP/1.1 700 What\r\ncontent-length: 0\r\n\r\n"), "status 700|does not speak HTTP"),
        (text(OK + b"\r\n" + b"[" * 100_000), "as OpenAI's API does"),
        (text(OK + b"\r\n[1]"), "as OpenAI's API does"),
        (text(OK + b'\r\n{"data": [{"id": []}]}'), "as OpenAI's API does"),
        (text(OK + b'\r\n{"data": [{"id": "\\ud800"}]}'), "as OpenAI's API does"),
        (text(OK + b'\r\n{"data": []}'), "does not list big"),
        (flood(OK + b"\r\n", b" " * (1 << 20), 5), "too large"),
        (drip(OK + b"\r\n"), "took too long"),
        (drip(b"HTTP/1.1 200 OK\r\nx: "), "took too long"),
        (silent, "took too long"),
    ],
)
def test_a_probe_of_a_server_that_means_ill_ends_soon_and_says_what_was_wrong(
    script: Script, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "OUTSIDE_PROBE_SECONDS", 0.5 if "too long" in words else 50)
    began = time.monotonic()
    with hostile({"models": script}) as url:
        problem = probe.outside_answers(url, "big", None).problem
    assert time.monotonic() - began < 60  # none of them would ever end
    assert any(word in problem for word in words.split("|")), problem


def test_servers_that_drip_keep_neither_others_nor_the_studios_own_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "OUTSIDE_PROBE_SECONDS", 240)
    with ExitStack() as stack:
        slow = [stack.enter_context(hostile({"models": drip(OK + b"\r\n", pause=0.2)})) for _ in range(8)]
        good = stack.enter_context(hostile({"models": text(OK + b"\r\n" + LIST)}))
        for number, url in enumerate(slow):
            endpoints.create_endpoint(f"slow-{number}", "external", options={"url": url, "model": "big"})
        backends.tick()
        backends.tick()  # all of them are being asked now
        began = time.monotonic()
        bring_up(endpoints.create_endpoint("good", "external", options={"url": good, "model": "big"}), seconds=100)
        bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id), seconds=100)
        assert time.monotonic() - began < probe.OUTSIDE_PROBE_SECONDS  # so none of the eight was done


def test_one_that_was_not_asked_yet_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "OUTSIDE_SECONDS", 0)
    with hostile({"models": text(OK + b"\r\n" + LIST)}) as url:
        endpoint = endpoints.create_endpoint("cloud", "external", options={"url": url, "model": "big"})
        bring_up(endpoint, seconds=90)


def test_an_address_stored_by_an_older_version_fails_by_itself_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "OUTSIDE_SECONDS", 0)
    with hostile({"models": text(OK + b"\r\n" + LIST)}) as url:
        options = {"url": url, "model": "big"}
        old = [endpoints.create_endpoint(f"old-{number}", "external", options=options) for number in range(3)]
        stored = ("http://a.example/v1\r\nx: y", "http://a.example:99999/v1", f"http://{METADATA}/v1")
        with db.session() as session:
            for endpoint, address in zip(old, stored, strict=True):
                session.merge(active(endpoint)).address = address
        good = endpoints.create_endpoint("good", "external", options=options)
        bring_up(good, seconds=90)
        for endpoint in old:
            failed = until(active(endpoint).id, EndpointStatus.FAILED, seconds=90)
            assert "does not answer" in str(failed.error)
    assert backend(active(good).id).status == EndpointStatus.READY


@pytest.mark.parametrize("value", ["a b\nc", "schlüssel", "\x7f"])
def test_a_key_that_can_be_no_header_is_refused_by_its_variables_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", value)
    with pytest.raises(RefusedError, match="CLOUD_API_KEY holds characters"):
        probe.key_headers("CLOUD_API_KEY")
    monkeypatch.setenv("CLOUD_API_KEY", "key-from-a-file\n")
    assert probe.key_headers("CLOUD_API_KEY") == {"authorization": "Bearer key-from-a-file"}
