"""How a worker is called and how it ends: `python -m engine.workers.NAME SPEC.json OUT/`.

A worker hands its function to `run`. It reports by appending events to OUT, prints to standard output and error (both
go to OUT/output.log), and ends with one `Finished` or `Failed` event. It knows no database, queue or page.
"""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from engine import events
from engine.errors import TunesmithError

Category = Literal["memory", "data", "config", "disk", "network", "code"]
Work = Callable[[dict[str, Any], Path], dict[str, Any] | None]

STOP_FILE = "stop.request"
MEMORY_HINT = (
    "Use a smaller per_device_train_batch_size with more gradient_accumulation_steps, a smaller max_length, "
    "gradient_checkpointing, or tuning qlora."
)


class WorkFailedError(TunesmithError):
    """The work cannot go on, and the worker knows why. `category` decides whether trying again makes sense."""

    def __init__(self, category: Category, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.category: Category = category


class Stopped(Exception):  # noqa: N818  (being asked to stop is no error)
    """The work ended early because it was asked to. Carries what there is to report."""

    def __init__(self, result: dict[str, Any] | None = None) -> None:
        super().__init__("stopped as asked")
        self.result = result or {}


def stop_requested(out: Path) -> bool:
    """Whether somebody wants this work to save what it has and end. Cheap enough for every step."""
    return (out / STOP_FILE).exists()


def run(work: Work, argv: list[str] | None = None) -> None:
    """Does `work(spec, out)` and writes how it ended. The one place where a worker catches everything.

    The traceback still goes to standard error and the exit code is still 1: the error is recorded and raised again.
    """
    spec_file, out = _arguments(sys.argv[1:] if argv is None else argv)
    try:
        spec = json.loads(spec_file.read_text(encoding="utf-8"))
        events.append(out, events.Finished(result=work(spec, out) or {}))
    except Stopped as stopped:
        events.append(out, events.Finished(outcome="stopped", result=stopped.result))
    except Exception as error:
        events.append(out, failure(error))
        raise


def _arguments(argv: list[str]) -> tuple[Path, Path]:
    if len(argv) != 2:
        raise SystemExit("usage: python -m engine.workers.NAME SPEC.json OUT/")
    out = Path(argv[1])
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(argv[0]), out


def failure(error: BaseException) -> events.Failed:
    """An exception as the event a person reads: what kind it is, what happened, what to do about it."""
    for cause in _chain(error):
        match cause:
            case WorkFailedError():
                return events.Failed(category=cause.category, message=cause.message, hint=cause.hint)
            case TunesmithError():
                return events.Failed(category="config", message=cause.message, hint=cause.hint)
            case _ if _out_of_memory(cause):
                return events.Failed(category="memory", message="There was not enough memory.", hint=MEMORY_HINT)
            case _ if _disk_full(cause):
                hint = "Free some space (delete runs or models that are no longer needed), then resume the run."
                return events.Failed(category="disk", message="The disk is full.", hint=hint)
            case ConnectionError() | TimeoutError():
                hint = "Check that this machine reaches the internet, then try again."
                return events.Failed(category="network", message=_words(cause), hint=hint)
    return events.Failed(message=_words(error), hint="The log holds the whole traceback.")


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, outermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _out_of_memory(error: BaseException) -> bool:
    # By name, because this module must not import torch: a worker that only fetches files would pay seconds for it.
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text))
    )


def _disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    return "no space left on device" in str(error).lower()  # safetensors wraps the code into text


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000].strip().rstrip(":")
