"""A person's own reward function: what it may do, and what becomes of one that means ill."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox import watch
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
    assert time.monotonic() - started < 120


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
def test_the_function_ends_with_its_worker() -> None:
    script = "from engine.workers.rewards import code; code.ask('while True: pass', [{}], 500)"
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    try:
        # The guard, the program that forks for each batch, the batch; a means may have one more above them.
        wait_for(lambda: len(pids := list(watch.below(worker.pid))) >= 3 and state(pids[-1]) == "R", seconds=60)
        inside = list(watch.below(worker.pid))
    finally:
        worker.kill()
        worker.wait()
    wait_for(lambda: all(state(pid) == "Z" for pid in inside), seconds=60)


@linux
def test_a_batch_leaves_nothing_to_the_next_and_costs_no_new_sandbox() -> None:
    function = reward_code.Function(body("global seen", "seen = globals().get('seen', 0) + 1", "return seen"), 20)
    try:
        assert function.ask(ROWS) == [1, 2]
        inside = set(watch.below(os.getpid()))
        assert function.ask(ROWS) == [1, 2]
        assert set(watch.below(os.getpid())) == inside
    finally:
        function.close()


@linux
def test_after_a_failure_the_next_question_is_answered_by_another_sandbox() -> None:
    function = reward_code.Function(body("import os", "return os._exit(3) if columns.get('bad') else 1"), 20)
    try:
        assert function.ask(ROWS) == [1, 1]
        with pytest.raises(contract.WorkFailedError, match="exit code 3"):
            function.ask([{**ROWS[0], "bad": True}])
        assert function.ask(ROWS) == [1, 1]
    finally:
        function.close()


@pytest.mark.usefixtures("no_sandbox")
def test_where_nothing_holds_it_back_no_function_is_asked() -> None:
    with pytest.raises(contract.WorkFailedError, match="nothing would hold it back") as caught:
        rewards_of(body("return 1"))
    assert "bubblewrap" in caught.value.hint


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
