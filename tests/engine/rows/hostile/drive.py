"""Imports one file after the other in one process: `python -m tests.engine.rows.hostile.drive FOLDER OUT NAMES.json`.

Prints a JSON line for each: how it ended, how long it took, how much memory it needed, and what it left.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract
from engine.workers.data import import_files

LIMIT_SECONDS = 60  # by the clock of a machine that may be busy; what is measured is processor time
FINE = "CRLF.jsonl"


class TooSlow(BaseException):
    """The file held the worker for longer than it may; not an Exception, so that nothing in the worker takes it."""


def drive(folder: Path, out: Path, name: str) -> dict[str, Any]:
    """How the import of one file ends. A name that no file can have is given to a file that is fine."""
    path = folder / name if name in os.listdir(folder) else folder / FINE
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "spec.json").write_text(json.dumps({"sources": [{"path": str(path), "name": name}], "mapping": None}))
    forget_peak()
    begun = processor_seconds()
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    try:
        with contextlib.suppress(Exception):  # what it was is in the events
            contract.run(import_files.work, [str(out / "spec.json"), str(out)])
    except TooSlow:
        return {"name": name, "status": "hangs", "seconds": LIMIT_SECONDS}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    end = events.read(out)[0][-1]
    left = sorted(path.name for path in out.iterdir())
    measured = {"name": name, "seconds": round(processor_seconds() - begun, 2), "peak_mb": peak_mb(), "left": left}
    if isinstance(end, events.Failed):
        return measured | {"status": "failed", "category": end.category, "error": end.message, "hint": end.hint}
    assert isinstance(end, events.Finished)
    summary = json.loads((out / "summary.json").read_bytes()) if (out / "summary.json").exists() else {}
    return measured | {"rules": summary.get("rules", {})} | end.result


def processor_seconds() -> float:
    """Of this process and of those that have ended beside it."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def stop(*_: object) -> None:
    raise TooSlow


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, stop)
    for name in json.loads(Path(sys.argv[3]).read_text()):
        sys.stdout.write(json.dumps(drive(Path(sys.argv[1]), Path(sys.argv[2]), name)) + "\n")
        sys.stdout.flush()
    os._exit(0)
