"""What is free: of the machine, or of the container if that has less left."""

from pathlib import Path

import psutil
import pytest

from engine.process import machine


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container with a limit of 4,000 bytes, of which 3,000 are taken, 500 of them by files that were read."""
    for name, file, text in (
        ("LIMIT", "memory.max", "4000\n"),
        ("USED", "memory.current", "3000\n"),
        ("FACTS", "memory.stat", "anon 2500\ninactive_file 500\nactive_file 7\n"),
    ):
        (tmp_path / file).write_text(text)
        monkeypatch.setattr(f"engine.process.meter.container.{name}", tmp_path / file)
    return tmp_path


def test_a_container_has_what_its_limit_leaves_and_what_the_kernel_can_drop(container: Path) -> None:
    assert machine.free_memory_bytes() == 1500
    assert machine.memory_bytes() == 4000


def test_without_a_limit_the_machine_counts(container: Path) -> None:
    (container / "memory.max").write_text("max\n")
    assert abs(machine.free_memory_bytes() - psutil.virtual_memory().available) < 2e9
    (container / "memory.max").unlink()
    assert machine.memory_bytes() == psutil.virtual_memory().total
