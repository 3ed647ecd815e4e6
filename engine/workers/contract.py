"""How a worker is called and how it ends: `python -m engine.workers.NAME SPEC.json OUT/`.

A worker hands its function to `run`. It reports by appending events to OUT, prints to standard output and error (both
go to OUT/output.log), and ends with one `Finished` or `Failed` event. Asked by a signal, it tells what it does
(engine.process.stacks). It knows no database, queue or page.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import TunesmithError
from engine.process import events
from engine.workers import diagnosis, ranks, stack
from engine.workers.diagnosis import Category

Work = Callable[[dict[str, Any], Path], dict[str, Any] | None]

STOP_FILE = "stop.request"

_goodbyes: list[Callable[[], None]] = []  # what this process has joined, and leaves when its work ends


class WorkFailedError(TunesmithError):
    """The work cannot go on, and the worker knows why. `category` decides whether trying again makes sense.

    `cause` names what was found, for programs: one of engine.runs.doctor.causes.
    """

    def __init__(self, category: Category, message: str, hint: str = "", cause: str = "") -> None:
        super().__init__(message, hint)
        self.category: Category = category
        self.cause = cause


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
    if not ranks.first():
        events.tell_failures_only()
    with stack.told_when_asked(out):
        _do(work, spec_file, out)


def _do(work: Work, spec_file: Path, out: Path) -> None:
    try:
        spec = json.loads(spec_file.read_text(encoding="utf-8"))
        events.append(out, events.Finished(result=work(spec, out) or {}))
        _take_leave()
    except Stopped as stopped:
        events.append(out, events.Finished(outcome="stopped", result=stopped.result))
        _take_leave()
    except Exception as error:
        if not ranks.another_ended(error):
            events.append(out, failure(error, out))
        raise


def at_end(goodbye: Callable[[], None]) -> None:
    """Has `goodbye` called when the work is done or was stopped. Not after a failure: others may never answer it."""
    _goodbyes.append(goodbye)


def _take_leave() -> None:
    while _goodbyes:
        _goodbyes.pop()()


def _arguments(argv: list[str]) -> tuple[Path, Path]:
    if len(argv) != 2:
        raise SystemExit("usage: python -m engine.workers.NAME SPEC.json OUT/")
    out = Path(argv[1])
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(argv[0]), out


def failure(error: BaseException, out: Path | None = None) -> events.Failed:
    """An exception as the event a person reads: what kind it is, what happened, what to do about it.

    `out` is the worker's folder: how much room its disk has is part of what happened.
    """
    told = diagnosis.diagnose(error, shutil.disk_usage(out).free if out else None)
    return events.Failed(category=told.category, message=told.message, hint=told.hint, cause=told.cause)
