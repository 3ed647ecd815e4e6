"""A person's own reward function: what it may do, and what becomes of one that means ill."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.workers import contract
from engine.workers.rewards import code as reward_code
from tests.conftest import ROOT
from tests.waiting import wait_for

ROWS: list[dict[str, Any]] = [{"prompt": "p", "completion": text, "level": 2} for text in ("one", "three")]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process from files and network")


def body(*lines: str) -> str:
    return "\n    ".join(["def reward(prompt, completion, **columns):", *lines])


def rewards_of(code: str, seconds: float = 20.0) -> list[float | None]:
    return reward_code.ask(code, ROWS, seconds)


def failure(code: str, seconds: float = 20.0) -> str:
    with pytest.raises(contract.WorkFailedError) as caught:
        rewards_of(code, seconds)
    assert caught.value.category == "config"
    assert "reward_code" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("code", "worth"),
    [
        (body("return len(completion)"), [3, 5]),
        (body("return columns['level'] * (completion == 'one')"), [2, 0]),
        ("import re\nreward = lambda completion: bool(re.search('thr', completion))", [0, 1]),
        (body("return None if completion == 'one' else float('nan')"), [None, None]),
        (body("from datetime import datetime", "return datetime.strptime('7', '%d').day"), [7, 7]),
        (body("print('x' * 10**7)", "return 1"), [1, 1]),  # what it prints goes nowhere
        (body("import sys", "print('[9]', file=sys.stderr); print('[9]')", "return 1"), [1, 1]),
    ],
)
def test_what_a_function_returns_is_what_the_answer_is_worth(code: str, worth: list[float | None]) -> None:
    assert rewards_of(code) == worth


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            body("return 1 / 0"),
            "failed (line 2): ZeroDivisionError: division by zero. Answer 1 of the batch began: 'one'",
        ),
        (body("return {'one': 1}[completion]"), "Answer 2 of the batch began: 'three'"),
        (body("return 'good'"), "reward returned str, not a number"),
        (body("return float('inf')"), "reward returned infinity"),
        (body("return ("), "failed (line 2): SyntaxError"),
        ("def rewards(): pass", "failed: KeyError: 'reward'"),
        ("def reward(luck): return 1", "missing 1 required positional argument: 'luck'"),
        (body("raise SystemExit"), "failed (line 2): SystemExit"),
        (body("import os", "os._exit(0)"), "ended its process (exit code 0)"),
        (body("return len('x' * 10**11)"), "failed (line 2): MemoryError"),
        (body("return reward(prompt, completion)"), "RecursionError"),
        (body("import numpy"), "No module named 'numpy'"),
    ],
)
def test_what_goes_wrong_is_told_with_its_line_and_its_answer(code: str, words: str) -> None:
    assert words in failure(code)


def test_an_endless_loop_ends_at_its_time() -> None:
    started = time.monotonic()
    assert "took more than 0.5 seconds. Answer 2" in failure(body("while completion == 'three': pass", "return 1"), 0.5)
    assert time.monotonic() - started < 60


@linux
def forging(line: str) -> str:
    """A function that writes lines of its own where its child writes."""
    text = repr(f"{line}\n".encode() * 3)
    return body("import os", "for fd in range(3, 9):", f"    try: os.write(fd, {text})", "    except OSError: pass")


@pytest.mark.parametrize("line", ['{"error": "mine", "row": "x", "line": [1]}', '{"error": "mine", "row": 1e400}'])
def test_a_message_in_the_childs_name_with_odd_numbers_is_no_traceback(line: str) -> None:
    assert "The reward function failed: mine" in failure(forging(line))


@pytest.mark.parametrize("line", [f"[{'9' * 400}]", "[[1]]", "[]"])
def test_a_forged_reward_that_is_no_number_is_none(line: str) -> None:
    assert rewards_of(forging(line)) == [None, None]


@linux
def test_the_child_ends_with_its_worker(tmp_path: Path) -> None:
    script = "from engine.workers.rewards import code; code.ask('while True: pass', [{}], 500)"
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    wait_for(lambda: bool(children(worker.pid)), seconds=60)
    (child,) = children(worker.pid)
    worker.kill()
    worker.wait()
    wait_for(lambda: not Path(f"/proc/{child}/cmdline").exists() or state(child) == "Z", seconds=20)


def children(pid: int) -> list[int]:
    """Those that run the function already."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(pid) for pid in pids if b"sandbox/child.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
