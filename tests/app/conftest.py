"""The application, and an owner's client to it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.rest import log_in, make_client


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """Whole studios, workers and shims go without Coverage: tests.engine and tests.workers hold what runs in them."""


@pytest.fixture
def owner() -> Iterator[TestClient]:
    """An owner's client to the REST API, without window and engine."""
    with log_in(make_client()) as client:
        yield client
