"""The one way out: which addresses it goes to, what it follows, how long it waits, and what it says of an answer."""

import ipaddress
import socket
import time
from typing import Any

import pytest

from engine.notifications import mail, posting
from engine.notifications.posting import post
from engine.serve import outside
from tests.engine.notifications.receiver import receiving
from tests.engine.notifications.test_shapes import message
from tests.hostile_server import drip, hostile, silent, text


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and the addresses they have; the first is taken off at each look-up, as long as there is another."""
    known: dict[str, list[str]] = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host not in known or named.get("flags") == socket.AI_NUMERICHOST:
            return look_up(host, port, *more, **named)
        address = known[host][0] if len(known[host]) == 1 else known[host].pop(0)
        return look_up(address, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1",
    "240.0.0.1", "::1", "::", "fc00::1", "fd12::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
    "2002:7f00:1::", "::127.0.0.1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_machine_or_a_private_network_is_known_in_every_form(address: str) -> None:
    assert outside.is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_none_of_those(address: str) -> None:
    assert not outside.is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "a.localhost", "10.0.0.7", "[fd00::1]"])
def test_without_the_allowance_nothing_goes_to_this_machine_or_a_private_network(host: str) -> None:
    outcome = post(f"http://{host}:9/hook", b"{}", {}, allow_private=False)
    assert not outcome.ok
    assert not outcome.again
    assert "private network" in outcome.words


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "metadata"])
def test_where_credentials_are_nothing_goes_with_the_allowance_either(host: str) -> None:
    outcome = post(f"http://{host}/latest", b"{}", {}, allow_private=True)
    assert (outcome.ok, outcome.again) == (False, False)
    assert "link-local" in outcome.words


def test_a_name_that_leads_to_a_forbidden_address_is_refused_when_it_is_connected_to(
    names: dict[str, list[str]],
) -> None:
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "hook.example")
        for address, allowed in (("127.0.0.1", False), ("169.254.169.254", True), ("169.254.169.254", False)):
            names["hook.example"] = [address]
            outcome = post(url, b"{}", {}, allow_private=allowed)
            assert (outcome.ok, outcome.again) == (False, False)
            assert "network" in outcome.words or "link-local" in outcome.words
        assert receiver.calls == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(names: dict[str, list[str]]) -> None:
    with receiving() as receiver:
        names["hook.example"] = ["127.0.0.1", "169.254.169.254"]
        url = receiver.url.replace("127.0.0.1", "hook.example")
        assert post(url, b"{}", {}, allow_private=True).ok
        assert "link-local" in post(url, b"{}", {}, allow_private=True).words
        assert len(receiver.calls) == 1


def test_a_redirect_is_said_and_not_followed() -> None:
    with receiving() as canary, receiving() as receiver:
        receiver.answers = [(302, {"location": canary.url})]
        outcome = post(receiver.url, b"{}", {}, allow_private=True)
        assert (outcome.ok, outcome.again, canary.calls) == (False, False, [])
        assert "redirects are not followed" in outcome.words


@pytest.mark.parametrize(
    ("status", "again"), [(200, False), (204, False), (404, False), (401, False), (429, True), (500, True), (503, True)]
)
def test_only_what_may_end_otherwise_is_tried_again(status: int, again: bool) -> None:
    with receiving() as receiver:
        receiver.answers = [(status, {"retry-after": "7"})]
        outcome = post(receiver.url, b'{"a":1}', {"x-own": "1"}, allow_private=True)
        assert (outcome.ok, outcome.again) == (status < 300, again)
        assert str(status) in outcome.words
        assert outcome.pause == (0 if status < 300 else 7)
        assert receiver.calls[0][0] == "/hook?key=a-secret"
        assert receiver.headers("x-own") == ["1"]


def test_a_server_that_drips_or_says_nothing_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.5)
    scripts = {"drip": drip(b"HTTP/1.1 200 OK\r\nx: "), "silent": silent, "junk": text(b"\x00\xff\r\n\r\n")}
    with hostile(scripts) as url:
        for path in scripts:
            began = time.monotonic()
            outcome = post(f"{url}/{path}", b"{}", {}, allow_private=True)
            assert (outcome.ok, outcome.again) == (False, True)
            assert time.monotonic() - began < 60  # it would never end
    assert "cannot be reached" in post("http://127.0.0.1:9/", b"{}", {}, allow_private=True).words


def test_mail_keeps_to_the_same_addresses(names: dict[str, list[str]]) -> None:
    names["mail.example"] = ["127.0.0.1"]
    for host in ("127.0.0.1", "mail.example"):
        options = {"host": host, "port": 9, "security": "none", "sender": "a@b.example", "recipients": ["c@d.example"]}
        outcome = mail.send(message(), options, "", allow_private=False)
        assert (outcome.ok, outcome.again) == (False, False)
        assert "private network" in outcome.words
