"""A person's own reward function: asked in a process of its own, which is shut in and watched by the clock.

The function is Python text in the recipe: `def reward(prompt, completion, **columns)`, which returns a number, or None
for an answer that does not count. It runs in engine.workers.sandbox.child, a new process for every batch: nothing is
left over from one to the next, and one that hangs is ended. Its environment is empty, its folder an empty one.
"""

import json
import math
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.workers.contract import WorkFailedError

CHILD = Path(__file__).parents[1] / "sandbox" / "child.py"
MEMORY_BYTES = 1 << 30
START_SECONDS = 60.0  # a busy machine
MOST_ERROR_CHARACTERS = 500
MOST_LINE_BYTES = 8192
HINT = "Correct reward_code. The guide says under Methods, Rewards, what it may do."

Worth = float | None


class _SlowError(Exception):
    """Nothing came in time."""


@dataclass
class _Lines:
    """What the child says, a line at a time, however slowly or endlessly it writes."""

    pipe: int
    text: bytes = b""

    def next(self, seconds: float) -> Any:
        """The next line as JSON; None at the end, or for what no child of ours says. Raises _SlowError."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.text:
            if not select.select([self.pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise _SlowError
            piece = os.read(self.pipe, MOST_LINE_BYTES)
            if not piece or len(self.text) > MOST_LINE_BYTES:
                return None
            self.text += piece
        line, _, self.text = self.text.partition(b"\n")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None


def ask(code: str, rows: Sequence[dict[str, Any]], seconds: float) -> list[Worth]:
    """What the function gives for each row of arguments. With no rows, its text is run and nothing else.

    `seconds` are for one answer. Raises WorkFailedError with the answer's number and the line of the text when the
    function raises, returns no number, takes too long, or is ended by the system.
    """
    with _child(code, rows, seconds) as (child, lines):
        worths: list[Worth] = []
        try:
            lines.next(START_SECONDS)
            while True:
                message = lines.next(seconds)
                if not isinstance(message, list) or len(worths) == len(rows):
                    break
                worths.append(_worth(message))
        except _SlowError:
            raise _failure(f"took more than {seconds:g} seconds", rows, len(worths)) from None
        if isinstance(message, dict):
            location = f" (line {line})" if (line := _whole(message.get("line"))) else ""
            error = str(message.get("error"))[:MOST_ERROR_CHARACTERS]
            raise _failure(f"failed{location}: {error}", rows, _whole(message.get("row")) - 1)
        if len(worths) < len(rows) or (not rows and child.wait(START_SECONDS)):
            raise _failure(_ending(child), rows, len(worths))
        return worths


def _worth(values: list[Any]) -> Worth:
    try:
        number = float(values[0]) if values and isinstance(values[0], int | float) else math.nan
    except OverflowError:  # an integer too large for a float
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int:
    """The number, or 0: the function can write whatever it likes in the child's name."""
    return value if isinstance(value, int) and 0 < value < 1 << 31 else 0


def is_shut_in() -> bool:
    """Whether this machine's kernel keeps the function from files, network and processes (see sandbox/child.py)."""
    with _child("", [], 1) as (_, lines):
        message = lines.next(START_SECONDS)
    return isinstance(message, dict) and message.get("shut_in") is True


@contextmanager
def _child(
    code: str, rows: Sequence[dict[str, Any]], seconds: float
) -> Iterator[tuple["subprocess.Popen[bytes]", _Lines]]:
    task = {"code": code, "rows": list(rows), "seconds": int(seconds * (len(rows) + 1)) + 1}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as task_file:
        task_file.write(json.dumps({**task, "memory_bytes": MEMORY_BYTES, "parent": os.getpid()}).encode())
        task_file.seek(0)
        argv = [sys.executable, "-I", "-S", str(CHILD)]
        streams: dict[str, Any] = {"stdin": task_file, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(argv, cwd=folder, env={}, **streams) as child:
            try:
                yield child, _Lines(child.stdout.fileno() if child.stdout else -1)
            finally:
                child.kill()


def _failure(problem: str, rows: Sequence[dict[str, Any]], number: int) -> WorkFailedError:
    answer = str(rows[number].get("completion"))[:80] if 0 <= number < len(rows) else None
    context = f" Answer {number + 1} of the batch began: {answer!r}." if answer is not None else ""
    return WorkFailedError("config", f"The reward function {problem}.{context}", HINT)


def _ending(child: "subprocess.Popen[bytes]") -> str:
    try:
        code = child.wait(1)
    except subprocess.TimeoutExpired:
        return "printed something other than its rewards"
    ending = f"was ended by signal {-code}" if code < 0 else f"ended its process (exit code {code})"
    return f"{ending}; it may use {MEMORY_BYTES >> 20} MB of memory, and no files, network or processes"
