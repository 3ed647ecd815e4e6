"""What several files of tests begin with: a model, two finished runs, and the small fake server behind endpoints."""

from collections.abc import Iterator

import pytest

from engine.process import plan
from engine.serve import backends
from storage.tables import Model, Run
from tests.serving import end_all, finished_run, ready_model


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Real processes of tests.fake_openai, ended with the test."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    yield
    end_all()


@pytest.fixture
def base() -> Model:
    return ready_model()


@pytest.fixture
def runs(base: Model) -> tuple[Run, Run]:
    """Two finished runs of one base."""
    return finished_run(base, "first"), finished_run(base, "second")


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """A fake server and its shim for each test: tests.engine.process and tests.workers hold what runs in them."""
