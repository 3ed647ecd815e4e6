"""A client that talks to the real application in this process, the way another program would."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.door.access import Access
from app.server import create_app
from storage.home import home
from storage.settings import settings

ADDRESS = "http://127.0.0.1:7860"
TOKEN = "a-token-for-the-tests"
PASSWORD = "a-password-for-the-tests"


def make_access(host: str = "127.0.0.1", **changes: Any) -> Access:
    """The door of a studio whose token is known."""
    access = Access.from_settings(settings(), host, 7860)
    return replace(access, **({"token": TOKEN} | changes))


def make_client(access: Access | None = None, with_window: bool = False, with_engine: bool = False) -> TestClient:
    """A client without any credential. Errors inside the application come out as answers, as they would by HTTP.

    With a door, a window or an engine of its own the application is new; the plain one is lent.
    """
    is_plain = access is None and not with_window and not with_engine
    app = _lent_app() if is_plain else create_app(access or make_access(), with_window, with_engine)
    return TestClient(app, ADDRESS, raise_server_exceptions=False, follow_redirects=False)


_lent: list[tuple[Path, FastAPI]] = []  # with the home of the test that has it


def _lent_app() -> FastAPI:
    """An application that no other client of this test has. Tests that are over have left theirs.

    It keeps nothing but its door, which is made anew. Building one takes 0.2 s of processor time, its description for
    OpenAPI four times as much, and what pydantic and FastAPI remember of one is 13 MB that never come back.
    """
    place = next((place for place, (used_in, _) in enumerate(_lent) if used_in != home()), None)
    app = create_app(make_access(), False, False) if place is None else _lent.pop(place)[1]
    app.state.access = make_access()
    _lent.append((home(), app))
    return app


def log_in(client: TestClient, token: str = TOKEN) -> TestClient:
    """The same client, which now sends the token with every request."""
    client.headers["authorization"] = f"Bearer {token}"
    return client
