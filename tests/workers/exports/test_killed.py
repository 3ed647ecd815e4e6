"""kill -9 in the middle of every kind of export leaves nothing that looks whole, and nothing at all once it is over."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.exports import exports, gguf, merging
from engine.process import plan, work
from engine.runtimes import runtimes
from storage.statuses import WorkStatus
from storage.tables import Work
from tests.engine.exports.trained_runs import add_run
from tests.engine.weights import model_folders
from tests.waiting import wait_for

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("merged", merging.KIND, {"dtype": "float32"}),
    ("gguf", gguf.KIND, {"type": "q8_0"}),
]


@pytest.mark.parametrize(("kind", "worker", "options"), KINDS)
def test_a_kill_in_the_middle_leaves_nothing(
    kind: str, worker: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it writes, twice: the first time it is begun again, the second time it is over."""
    monkeypatch.setitem(plan.WORKERS, worker, "tests.workers.exports.half_written")
    monkeypatch.setattr(runtimes, "needed", lambda _kind: None)
    run = add_run(model_folders.make(tmp_path / "base"))
    export, making = exports.create(f"run:{run.id}", kind, options)
    assert making is not None
    folder = work.folder(making)
    for attempt in (1, 2):
        wait_for(partial(half_written, folder, attempt))
        pid = half_written(folder, attempt)
        assert pid
        assert not list(folder.glob("model"))
        assert not list(folder.glob("gguf"))
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(moved_on, making, attempt))
    described = exports.describe(*exports.look_up(export.id))
    assert (described["status"], described["parity"], described["size_bytes"]) == (WorkStatus.FAILED, None, None)
    assert not [path for path in folder.rglob("*") if path.suffix in (".safetensors", ".gguf")]
    assert not (folder / work.SCRATCH).exists()


def half_written(folder: Path, attempt: int) -> int:
    """The process that has written half, in its attempt."""
    file = folder / work.SCRATCH / "pid"
    if not file.is_file() or not (number := file.read_text()):
        return 0
    begun, _, pid = number.partition(" ")
    return int(pid) if int(begun) == attempt else 0


def moved_on(making: Work, attempt: int) -> bool:
    seen = work.wait(making.id, 0.2)
    return seen.attempt > attempt or seen.status == WorkStatus.FAILED
