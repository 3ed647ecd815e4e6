"""A studio for OpenAI's client, in which nothing moves by itself."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from app.server import create_app
from engine.process import plan
from engine.serve import backends
from engine.train import check as refusals
from tests.rest import TOKEN, make_access
from tests.serving import end_all, http_server


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A studio whose engine moves when a test says so; small fakes behind endpoints, nothing real to train."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(refusals, "RULES", ())
    with http_server(create_app(make_access(), with_window=False, with_engine=False)) as address:
        yield address
    end_all()


@pytest.fixture
def client(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0, timeout=60)
