"""A person's own reward function: asked in a sandbox, and watched by the clock.

The function is Python text in the recipe: `def reward(prompt, completion, **columns)`, which returns a number, or None
for an answer that does not count. It runs in engine.workers.sandbox.child: one sandbox for a training, and in it a
process for every batch, so nothing is left over from one to the next. One that hangs is ended, and its sandbox with it.
Where this machine has no sandbox it does not run.
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sandbox import box as boxes
from engine.sandbox import sandbox
from engine.sandbox.box import Box
from engine.sandbox.errors import NoSandboxError
from engine.sandbox.limits import Limits
from engine.workers.contract import WorkFailedError

CHILD = Path(__file__).parents[1] / "sandbox" / "child.py"
MEMORY_BYTES = 1 << 30
CPU_SECONDS_SPARE = 5  # what the clock allows beyond its own limit
START_SECONDS = 60.0  # a busy machine
# Of the sandbox as a whole, which lives as long as the training; each batch has narrower ones of its own.
LIMITS = Limits(cpu_seconds=10**8, memory_bytes=MEMORY_BYTES, processes=2, file_bytes=0, nice=0)
MOST_ERROR_CHARACTERS = 500
MOST_LINE_BYTES = 8192
NO_SANDBOX_HINT = "Install bubblewrap, or judge by other reward_funcs. `tunesmith doctor` names each probe."
HINT = "Correct reward_code. The guide says under Methods, Rewards, what it may do."

Worth = float | None


class _SlowError(Exception):
    """Nothing came in time."""


@dataclass
class _Lines:
    """What the process of one batch says, a line at a time, however slowly or endlessly it writes."""

    pipe: int
    frames: bytes = b""
    text: bytes = b""
    code: int | None = None  # its exit code, once it has ended

    def next(self, seconds: float) -> Any:
        """The next line as JSON; None at the end, or for what no child of ours says. Raises _SlowError."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.text:
            if self.code is not None or len(self.text) > MOST_LINE_BYTES or not self._read(deadline):
                return None
        line, _, self.text = self.text.partition(b"\n")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None

    def ending(self, seconds: float) -> int | None:
        """Its exit code, negative for a signal; None when it says more instead, or does not end in that time."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(_SlowError):
            while self.code is None and not self.text and self._read(deadline):
                pass
        return self.code

    def _read(self, deadline: float) -> bool:
        """Takes one frame (see child.py), whose making no function has a hand in. False at the end of the sandbox."""
        while b"\n" not in self.frames or len(self.frames) < self._size():
            if not boxes.ready([self.pipe], deadline, deadline):
                raise _SlowError
            piece = os.read(self.pipe, MOST_LINE_BYTES)
            if not piece:
                return False
            self.frames += piece
        head, _, rest = self.frames.partition(b"\n")
        kind, number = head.split()
        if kind == b"E":
            self.code, self.frames = int(number), rest
        else:
            self.text, self.frames = self.text + rest[: int(number)], rest[int(number) :]
        return True

    def _size(self) -> int:
        """Of the frame that has begun, its head included."""
        head = self.frames.partition(b"\n")[0]
        return len(head) + 1 + (int(head[2:]) if head.startswith(b"D") else 0)


class Function:
    """One function, and the sandbox in which it is asked from the first question on."""

    def __init__(self, code: str, seconds: float) -> None:
        """`seconds` are for one answer."""
        self._code, self._seconds = code, seconds
        self._stack = contextlib.ExitStack()
        self._box: Box | None = None

    def ask(self, rows: Sequence[dict[str, Any]]) -> list[Worth]:
        """What the function gives for each row of arguments. With no rows, its text is run and nothing else.

        Raises WorkFailedError with the answer's number and the line of the text when the function raises, returns no
        number, takes too long, or is ended by the system; and where there is no sandbox for it.
        """
        with contextlib.ExitStack() as unless_whole:
            unless_whole.callback(self.close)  # what has failed once is not asked again in the same sandbox
            worths = self._ask(_Lines(self._asked(rows)), rows)
            unless_whole.pop_all()
        return worths

    def close(self) -> None:
        """Ends its sandbox; another question starts another."""
        self._box = None
        self._stack.close()

    def _ask(self, lines: _Lines, rows: Sequence[dict[str, Any]]) -> list[Worth]:
        if not _is_shut_in(lines):
            raise _not_started(self._reason())
        worths: list[Worth] = []
        try:
            while True:
                message = lines.next(self._seconds)
                if not isinstance(message, list) or len(worths) == len(rows):
                    break
                worths.append(_worth(message))
        except _SlowError:
            raise _failure(f"took more than {self._seconds:g} seconds", rows, len(worths)) from None
        if isinstance(message, dict):
            location = f" (line {line})" if (line := _whole(message.get("line"))) else ""
            error = str(message.get("error"))[:MOST_ERROR_CHARACTERS]
            raise _failure(f"failed{location}: {error}", rows, _whole(message.get("row")) - 1)
        code = lines.ending(1)
        if len(worths) < len(rows) or code:
            raise _failure(_ending(code), rows, len(worths))
        if code is None:  # more was said than asked; the next batch is not to read it
            self.close()
        return worths

    def _asked(self, rows: Sequence[dict[str, Any]]) -> int:
        """Hands a batch to the sandbox, which is started where there is none; the pipe on which it answers."""
        cpu_seconds = int(self._seconds * (len(rows) + 1)) + 1 + CPU_SECONDS_SPARE
        task = {"code": self._code, "rows": list(rows), "cpu_seconds": cpu_seconds, "memory_bytes": MEMORY_BYTES}
        line = json.dumps(task).encode() + b"\n"
        if self._box is None or self._box.process.poll() is not None:
            self._start()
        box = self._box
        if box is None or box.process.stdin is None:
            raise _not_started("it has ended")
        try:
            box.process.stdin.write(line)
            box.process.stdin.flush()
        except BrokenPipeError:
            raise _not_started(self._reason()) from None
        return box.output

    def _start(self) -> None:
        self.close()
        means = sandbox.means()
        if not means.name:
            raise _not_started(means.in_a_line)
        opened = boxes.opened(means.name, {"main.py": CHILD.read_bytes()}, None, LIMITS)
        try:
            self._box = self._stack.enter_context(opened)
        except (NoSandboxError, OSError) as error:
            raise _not_started(str(error)) from error

    def _reason(self) -> str:
        """Why nothing came from the sandbox, in its own last words."""
        if self._box is None:
            return "it has ended"
        self._box.end()
        report = os.read(self._box.status, MOST_LINE_BYTES) + os.read(self._box.errors, MOST_LINE_BYTES)
        return report.decode(errors="replace").strip()[-MOST_ERROR_CHARACTERS:]


def ask(code: str, rows: Sequence[dict[str, Any]], seconds: float) -> list[Worth]:
    """As Function.ask, once, in a sandbox for this alone."""
    function = Function(code, seconds)
    try:
        return function.ask(rows)
    finally:
        function.close()


def _is_shut_in(lines: _Lines) -> bool:
    """Whether the process of the batch says so, which it does before it reads a word of the function."""
    try:
        message = lines.next(START_SECONDS)
    except _SlowError:
        return False
    return isinstance(message, dict) and message.get("shut_in") is True


def _not_started(why: str) -> WorkFailedError:
    return WorkFailedError(
        "config", f"reward_code cannot run here, as nothing would hold it back: {why}", NO_SANDBOX_HINT
    )


def _worth(values: list[Any]) -> Worth:
    try:
        number = float(values[0]) if values and isinstance(values[0], int | float) else math.nan
    except OverflowError:  # an integer too large for a float
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int:
    """The number, or 0: the function can write whatever it likes in the child's name."""
    return value if isinstance(value, int) and 0 < value < 1 << 31 else 0


def _failure(problem: str, rows: Sequence[dict[str, Any]], number: int) -> WorkFailedError:
    answer = str(rows[number].get("completion"))[:80] if 0 <= number < len(rows) else None
    context = f" Answer {number + 1} of the batch began: {answer!r}." if answer is not None else ""
    return WorkFailedError("config", f"The reward function {problem}.{context}", HINT)


def _ending(code: int | None) -> str:
    if code is None:
        return "printed something other than its rewards"
    ending = f"was ended by signal {-code}" if code < 0 else f"ended its process (exit code {code})"
    return f"{ending}; it may use {MEMORY_BYTES >> 20} MB of memory, and no files, network or processes"
