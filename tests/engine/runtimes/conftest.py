"""What can be installed in these tests."""

from pathlib import Path

import pytest

from tests.engine.runtimes.tiny_runtime import Shelf


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Empty: a test puts something on it with `offer`."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    return Shelf(folder, monkeypatch)
