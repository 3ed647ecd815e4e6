"""Workers and shims go without Coverage: tests.engine.process and tests.workers hold what runs in them."""

import pytest


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """For every test of this folder."""
