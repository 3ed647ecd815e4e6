"""What a worker does is told by every one of its processes, and no process that does not listen is ever signalled."""

import os
import sys
from pathlib import Path

import pytest

from engine.process import process, stack_files, stacks
from engine.process.plan import Plan
from tests.waiting import wait_for

# Two ranks in sessions of their own, as torchrun starts them, below a launcher that knows nothing of the signal.
LAUNCHER = """
import os, subprocess, sys
ranks = [
    subprocess.Popen(
        [sys.executable, "-m", "tests.engine.process.hanging_worker", "spec.json", "w1"],
        env={**os.environ, "RANK": str(rank), "TORCHELASTIC_RUN_ID": "r", "TUNESMITH_LAUNCHER": str(os.getpid())},
        start_new_session=True,
    )
    for rank in range(2)
]
[rank.wait() for rank in ranks]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "works").mkdir()
    (tmp_path / "works" / "spec.json").write_text("{}")
    return tmp_path / "works" / "w1"


def test_every_rank_tells_where_it_hangs_and_the_launcher_is_left_alone(folder: Path) -> None:
    process.start(Plan([sys.executable, "-c", LAUNCHER]), folder, 1)
    wait_for(lambda: len(stack_files.files(folder)) == 2, 30)
    stack_files.file_of(folder, os.getpid()).write_text("a stale file: this process is not below the shim")
    assert stacks.ask(folder) == 2
    answers = wait_for(lambda: found if len(found := stacks.read(folder)) == 2 else None)
    assert answers is not None
    for answer in answers:
        assert answer.text.count("in hang") == 1
        assert (answer.state, answer.left_out) == ("", 0)
    assert os.getpid() not in {answer.pid for answer in answers}
    assert process.alive(folder)  # a signal to the launcher would have ended it
    assert stacks.ask(folder) == 2
    wait_for(lambda: [answer.text.count("in hang") for answer in stacks.read(folder)] == [1, 1])  # the last answer only
    process.kill(folder)
    assert stacks.ask(folder) == 0
    assert stacks.read(folder) == []


def test_where_nobody_works_nobody_is_asked(tmp_path: Path) -> None:
    assert (stacks.ask(tmp_path), stacks.read(tmp_path)) == (0, [])


def test_a_process_id_that_another_process_has_now_is_not_signalled(folder: Path) -> None:
    """The file is older than the process: it was another one's."""
    process.start(Plan([sys.executable, "-S", "-c", "import time; time.sleep(60)"]), folder, 1)
    worker = wait_for(lambda: next(iter(stacks._below(folder)), None))
    assert worker is not None
    file = stack_files.file_of(folder, worker)
    file.parent.mkdir()
    file.touch()
    os.utime(file, (1, 1))
    assert stacks.ask(folder) == 0
    assert process.alive(folder)
    assert not file.exists()
    process.kill(folder)
