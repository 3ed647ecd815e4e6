"""A client that talks to the real application in this process, the way another program would."""

from dataclasses import replace
from typing import Any

from starlette.testclient import TestClient

from app.door.access import Access
from app.server import create_app
from storage.settings import settings

ADDRESS = "http://127.0.0.1:7860"
TOKEN = "a-token-for-the-tests"
PASSWORD = "a-password-for-the-tests"


def make_access(host: str = "127.0.0.1", **changes: Any) -> Access:
    """The door of a studio whose token is known."""
    access = Access.from_settings(settings(), host, 7860)
    return replace(access, **({"token": TOKEN} | changes))


def make_client(access: Access | None = None, with_window: bool = False, with_engine: bool = False) -> TestClient:
    """A client without any credential. Errors inside the application come out as answers, as they would by HTTP."""
    app = create_app(access or make_access(), with_window, with_engine)
    return TestClient(app, ADDRESS, raise_server_exceptions=False, follow_redirects=False)


def log_in(client: TestClient, token: str = TOKEN) -> TestClient:
    """The same client, which now sends the token with every request."""
    client.headers["authorization"] = f"Bearer {token}"
    return client
