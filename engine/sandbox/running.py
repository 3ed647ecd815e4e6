"""One run to its end: what it prints is read up to a limit, the clock is kept, what it leaves is taken."""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox import box as boxes
from engine.sandbox import folder
from engine.sandbox.box import Box
from engine.sandbox.commands import Name
from engine.sandbox.errors import NoSandboxError
from engine.sandbox.limits import Limits, Result

START_SECONDS = 30.0  # a busy machine
LOOK_SECONDS = 0.05
PIECE_BYTES = 1 << 16
MOST_REPORT_BYTES = 1 << 16
MOST_THROWN_AWAY = 16  # times `output_bytes`, then it is ended


@dataclass
class _Reading:
    """What has come so far, and why the run has to end."""

    limits: Limits
    texts: dict[int, bytearray]
    status: int
    thrown_away: int = 0
    began: float | None = None  # time.monotonic
    ended_for: str = ""
    timed_out: bool = False
    told: dict[str, Any] = field(default_factory=dict)

    def take(self, descriptor: int, piece: bytes) -> None:
        text = self.texts[descriptor]
        if descriptor == self.status:
            text += piece[: MOST_REPORT_BYTES - len(text)]
            self._listen(text)
            return
        room = self.limits.output_bytes - sum(len(text) for name, text in self.texts.items() if name != self.status)
        text += piece[:room]
        self.thrown_away += max(0, len(piece) - room)
        if self.thrown_away > MOST_THROWN_AWAY * self.limits.output_bytes:
            self.ended_for = "it printed far more than is kept"

    def _listen(self, text: bytearray) -> None:
        for line in bytes(text).split(b"\n")[:-1]:
            self.told |= json.loads(line)
        if self.began is None and "began" in self.told:
            self.began = time.monotonic()

    @property
    def deadline(self) -> float | None:
        return None if self.began is None else self.began + self.limits.wall_seconds


def run_in(
    means: Name, files: Mapping[str, str | bytes], stdin: bytes, limits: Limits, entry: str = "main.py"
) -> Result:
    """Runs `entry` under these means, whatever they hold. Raises NoSandboxError when the sandbox does not start."""
    with contextlib.ExitStack() as stack:
        try:
            box = stack.enter_context(boxes.opened(means, files, stdin, limits, entry))
        except OSError as error:
            raise not_started(means, str(error)) from error
        reading = _read(box, limits)
        box.end()
        for pipe in reading.texts:  # what was on its way; everybody who could write has ended
            while boxes.ready([pipe], time.monotonic() + 1, 1) and (piece := os.read(pipe, PIECE_BYTES)):
                reading.take(pipe, piece)
        stdout, stderr = (reading.texts[pipe].decode(errors="replace") for pipe in (box.output, box.errors))
        files_left = folder.left(box.box, files)
    if reading.began is None:
        raise not_started(means, reading.told.get("failed") or stderr.strip()[-300:] or "no answer in time")
    told = reading.told
    return Result(
        stdout=stdout,
        stderr=stderr,
        exit=None if reading.ended_for else told.get("exit"),
        seconds=round(told.get("seconds") or time.monotonic() - reading.began, 3),
        memory_bytes=max(box.peak_bytes, told.get("memory_bytes", 0)),
        timed_out=reading.timed_out,
        contained_by=means,
        cut=reading.thrown_away > 0,
        files=files_left,
        ended_for=reading.ended_for,
    )


def not_started(means: Name, why: str) -> NoSandboxError:
    return NoSandboxError(
        f"The sandbox ({means}) does not start: {why}", "`tunesmith doctor` says what this machine has."
    )


def _read(box: Box, limits: Limits) -> _Reading:
    """Until everything in the box has ended, or has to."""
    pipes = {box.output, box.errors, box.status}
    reading = _Reading(limits, {pipe: bytearray() for pipe in pipes}, box.status)
    patience, next_look = time.monotonic() + START_SECONDS, 0.0
    while pipes and not reading.ended_for:
        deadline = reading.deadline or patience
        for pipe in boxes.ready(pipes, deadline, LOOK_SECONDS):
            if piece := os.read(pipe, PIECE_BYTES):
                reading.take(pipe, piece)
            else:
                pipes.discard(pipe)
        now = time.monotonic()
        if now >= (reading.deadline or patience) and pipes:
            reading.timed_out, reading.ended_for = True, f"it took longer than {limits.wall_seconds:g} seconds"
        elif now >= next_look:
            reading.ended_for = reading.ended_for or box.trouble(limits)
            next_look = now + LOOK_SECONDS
    return reading
