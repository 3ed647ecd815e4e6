"""Walks every route there is, ours and Gradio's, and knocks without a credential. A new one that answers fails here."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.door.guard import PUBLIC
from tests.rest import make_client

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
# A decision, kept here a second time on purpose.
MEANT_TO_BE_PUBLIC = {("GET", "/api/health"), ("HEAD", "/api/health"), ("GET", "/login"), ("POST", "/login")}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole studio, window included, and nobody logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_HOME", str(tmp_path_factory.mktemp("home")))
        yield make_client(with_window=True)


def _paths(routes: list[Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """(path, whether it is a websocket) of every route, those of mounted applications and routers included."""
    for route in routes:
        path = f"{prefix}{getattr(route, 'path', '')}"
        if inner := getattr(route, "effective_candidates", None):
            yield from _paths(list(inner()), prefix)
        elif isinstance(route, Mount):
            below = path.rstrip("/")
            yield f"{below}/some/file.js", False
            yield from _paths(getattr(route.app, "routes", []), below)
        else:
            yield path, isinstance(route, WebSocketRoute)


def _filled(path: str) -> str:
    """The path with every parameter filled in."""
    parts = path.replace("{", "}").split("}")
    return "".join("x" if number % 2 else part for number, part in enumerate(parts))


def test_the_list_of_public_operations_is_the_one_that_was_decided() -> None:
    assert PUBLIC == MEANT_TO_BE_PUBLIC


def test_nothing_but_the_public_answers_a_stranger(stranger: TestClient) -> None:
    paths = {_filled(path) for path, _ in _paths(stranger.app.routes)}  # type: ignore[attr-defined]
    assert {"/api/runs", "/v1/chat/completions", "/metrics", "/gradio_api/upload", "/config", "/login"} <= paths
    assert len(paths) > 80
    wrong = []
    for path in sorted(paths):
        for method in METHODS:
            answer = stranger.request(method, path)
            if (method, path) not in MEANT_TO_BE_PUBLIC and answer.status_code != 401:
                wrong.append(f"{method} {path}: {answer.status_code}")
    assert not wrong


def test_no_websocket_opens_for_a_stranger(stranger: TestClient) -> None:
    websockets = {_filled(path) for path, websocket in _paths(stranger.app.routes) if websocket}  # type: ignore[attr-defined]
    for path in websockets | {"/gradio_api/queue/join", "/"}:
        with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(path):
            pass
