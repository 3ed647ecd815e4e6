"""The event log: how a worker tells the studio what is happening.

One JSON object a line, appended to `events.jsonl` in the folder of the run, model, dataset or backend. The file is the
proof; the rows in the database are what the studio has read from it so far. Readers take whole lines from a byte
offset, so reading twice changes nothing.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FILE = "events.jsonl"
OUTPUT = "output.log"  # the shim's LOG
BLOCK_BYTES = 64 << 10


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True, ser_json_inf_nan="constants")

    at: float = Field(default_factory=time.time, description="Seconds since 1970, UTC")


class Started(_Event):
    """The work has begun: a worker knows what it has before it."""

    kind: Literal["started"] = "started"
    attempt: int = 1
    total_steps: int | None = None
    facts: dict[str, Any] = {}  # device, versions, trainable parameters, rows, resumed from ...


class Progress(_Event):
    """How far a fetch or an import is."""

    kind: Literal["progress"] = "progress"
    done: float
    total: float | None = None
    stage: str = ""


class Step(_Event):
    """Numbers of one training step: loss, eval_loss, learning_rate, grad_norm, tokens_per_second ..."""

    kind: Literal["step"] = "step"
    step: int
    metrics: dict[str, float]


class Saved(_Event):
    """A checkpoint whose manifest is written."""

    kind: Literal["saved"] = "saved"
    step: int
    checkpoint: str  # folder, relative to the run's


class FixedAnswer(BaseModel):
    """What the weights of a step say to a fixed prompt; `is_cut` where the answer had not come to its end."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: str
    answer: str
    tokens: int
    is_cut: bool = False


class Answered(_Event):
    """The fixed prompts, answered by the weights of one step, and what all such answers have cost so far."""

    kind: Literal["answered"] = "answered"
    step: int
    answers: list[FixedAnswer]
    cost: dict[str, Any] = {}  # seconds, training_seconds, said: what was left out for want of time


class Note(_Event):
    """Something the user should know."""

    kind: Literal["note"] = "note"
    level: Literal["info", "warning"] = "info"
    message: str


class Ready(_Event):
    """A server answers."""

    kind: Literal["ready"] = "ready"
    address: str  # unix:/path or http://host:port
    models: list[str]


class Finished(_Event):
    """The work is done and its result was verified, or it stopped because it was asked to."""

    kind: Literal["finished"] = "finished"
    outcome: Literal["succeeded", "stopped"] = "succeeded"
    result: dict[str, Any] = {}


class Failed(_Event):
    """The work cannot go on. `category` decides whether trying again makes sense."""

    kind: Literal["failed"] = "failed"
    category: Literal["memory", "data", "config", "disk", "network", "code"] = "code"
    message: str
    hint: str = ""
    cause: str = ""  # what was found wrong, by name, where a program has to know: see engine.runs.doctor


Event = Started | Progress | Step | Saved | Answered | Note | Ready | Finished | Failed
_event: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


_hushed = False  # for the life of this process


def tell_failures_only() -> None:
    """From here on this process only tells why it failed: another one, which works with it, tells the rest."""
    global _hushed
    _hushed = True


def size(folder: Path) -> int:
    """How many bytes of events there are."""
    try:
        return (folder / FILE).stat().st_size
    except OSError:
        return 0


def last_written(folder: Path) -> float | None:
    """When the worker last gave a sign of life, in seconds since 1970; None when it never did."""
    try:
        return (folder / FILE).stat().st_mtime
    except OSError:
        return None


def last_printed(folder: Path) -> float | None:
    """When anything was last printed into its log, in seconds since 1970; None where there is none."""
    try:
        return (folder / OUTPUT).stat().st_mtime
    except OSError:
        return None


def beat(folder: Path) -> None:
    """A sign of life where there is nothing to say: a part of a step is done, or of an evaluation."""
    if not _hushed:
        with contextlib.suppress(OSError):
            os.utime(folder / FILE)


def append(folder: Path, event: Event) -> None:
    """Adds one line, in one write, so that a reader never sees half of another's.

    A worker that was killed in the middle of a line leaves a torn one; the next writer begins on a line of its own.
    """
    if _hushed and not isinstance(event, Failed):
        return
    line = event.model_dump_json().encode() + b"\n"
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" + line if torn else line)
    finally:
        os.close(descriptor)


def read(folder: Path, start: int = 0, most_bytes: int = 4 << 20) -> tuple[list[Event], int]:
    """The events in whole lines after byte `start`, and where to start next time. Torn lines are passed over."""
    try:
        with (folder / FILE).open("rb") as file:
            file.seek(start)
            lines, newline, _partial = file.read(most_bytes).rpartition(b"\n")
    except FileNotFoundError:
        return [], start
    if not newline:
        return [], start
    return [event for line in lines.splitlines() if (event := _parse(line))], start + len(lines) + 1


def newest_first(folder: Path, end: int | None = None) -> Iterator[tuple[int, int, Event]]:
    """The events of whole lines before byte `end` (None: all), the newest first: (begin and end of its line, event).

    Read from the back, a block at a time: the newest of a long training are there at once.
    """
    try:
        with (folder / FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            place, rest = size if end is None else min(end, size), b""
            while place > 0:
                start = max(0, place - BLOCK_BYTES)
                file.seek(start)
                lines = (file.read(place - start) + rest).split(b"\n")
                offset = start + sum(map(len, lines)) + len(lines) - 1
                for line in reversed(lines[1:] if start else lines):
                    line_end, offset = offset, offset - len(line)
                    if event := _parse(line):
                        yield offset, line_end + 1, event
                    offset -= 1
                place, rest = start, lines[0]
    except FileNotFoundError:
        return


def _parse(line: bytes) -> Event | None:
    try:
        return _event.validate_json(line)
    except ValidationError:
        return None  # torn by a kill in the middle of a write
