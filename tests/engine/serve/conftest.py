"""What several files of tests begin with: the small fake server in the place of the real one, and an endpoint of it."""

from collections.abc import Iterator

import pytest

from engine.process import plan
from engine.serve import backends, endpoints
from storage.tables import Endpoint
from tests.serving import bring_up, end_all, ready_model


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Real processes of tests.fake_openai, ended with the test."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    yield
    end_all()


@pytest.fixture
def endpoint(fake_server: None) -> Endpoint:
    """One that answers as its base."""
    made = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(made)
    return made


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """A fake server and its shim for each test: tests.engine.process and tests.workers hold what runs in them."""
