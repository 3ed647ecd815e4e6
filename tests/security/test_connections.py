"""Connections of a real server: websockets knock at the same door, and slow ones do not stay for ever."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import cast

import pytest
from fastapi import FastAPI, WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app import patience
from app.cli import serve
from tests.rest import TOKEN, make_access, make_client
from tests.waiting import wait_for


@pytest.fixture
def address(home: object) -> Iterator[tuple[str, int]]:
    """Where a studio without its window listens, served as `tunesmith serve` serves it."""
    listening = serve.bind("127.0.0.1", 0)
    port = listening.getsockname()[1]
    application = cast("FastAPI", make_client(make_access().at(port)).app)
    application.add_api_websocket_route("/x", greet)
    server = serve._Server(application, lambda: None)
    server.config.timeout_keep_alive = 600  # uvicorn's own limit between two requests: it is not what is tested
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    wait_for(lambda: server.started)
    yield "127.0.0.1", port
    server.should_exit = True
    thread.join(60)


async def greet(websocket: WebSocket) -> None:
    """A route that answers whoever gets this far."""
    await websocket.accept()
    await websocket.send_text("come in")


def knock(address: tuple[str, int], path: str = "/x", **headers: str) -> str | int:
    """What the route says, or the status of a refused handshake."""
    try:
        with connect(f"ws://{address[0]}:{address[1]}{path}", additional_headers=headers) as websocket:
            return str(websocket.recv())
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_websocket_passes_the_same_door_as_a_request(address: tuple[str, int]) -> None:
    opens = {"Authorization": f"Bearer {TOKEN}"}
    session = make_access().sessions.new(60)
    cookie = {"Cookie": f"tunesmith_{address[1]}={session}"}
    assert knock(address, **opens) == "come in"
    assert knock(address, **opens, Origin=f"http://{address[0]}:{address[1]}") == "come in"
    assert knock(address, **cookie, Origin=f"http://{address[0]}:{address[1]}") == "come in"
    assert knock(address) == 403
    assert knock(address, f"/x?token={TOKEN}") == 403  # a token in an address opens pages only
    assert knock(address, Authorization="Bearer wrong") == 403
    assert knock(address, **opens, Origin="http://evil.example") == 403
    assert knock(address, **cookie, Origin="null") == 403
    assert knock(address, **cookie, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert knock(address, **opens, Host="evil.example") == 403


def test_a_request_whose_head_does_not_come_is_cut_off(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.5)
    with socket.create_connection(address, timeout=60) as mute, socket.create_connection(address, timeout=60) as slow:
        slow.sendall(b"GET /api/health HTTP/1.1\r\n")
        assert slow.recv(1) == b""
        assert mute.recv(1) == b""


def test_a_connection_whose_second_head_does_not_come_is_cut_off_too(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.5)
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(9) == b"HTTP/1.1 "
        connection.sendall(b"GET /api/he")
        while connection.recv(4096):
            pass


def test_a_slow_body_may_take_its_time(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 2)
    head = f"POST /api/projects HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    body = b'{"name": "slow"}'
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body[:8]:
            connection.sendall(bytes([byte]))
            threading.Event().wait(0.3)
        connection.sendall(body[8:])
        assert b" 201 " in connection.recv(100)


def test_head_and_body_of_an_answer_come_in_one_packet(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        for request in ("GET", "GET", "HEAD"):
            connection.sendall(f"{request} /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 405" if request == "HEAD" else b"HTTP/1.1 200")
            assert (b'"status"' in body) == (request == "GET")
        connection.sendall(b"GET /api/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        assert b'"status"' in connection.recv(1 << 16)
        assert connection.recv(1) == b""
