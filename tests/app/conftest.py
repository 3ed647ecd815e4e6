"""The application, and an owner's client to it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.rest import log_in, make_client


@pytest.fixture
def owner() -> Iterator[TestClient]:
    """An owner's client to the REST API, without window and engine."""
    with log_in(make_client()) as client:
        yield client
