"""Deletes what nobody will come back for: files in the upload folders that were touched longest ago."""

import shutil
import threading
import time
from pathlib import Path

from storage import home

KEEP_SECONDS = 24 * 3600
EVERY_SECONDS = 3600


def sweep(now: float | None = None) -> int:
    """Deletes old uploads and Gradio's old copies; answers how many entries went."""
    deadline = (now or time.time()) - KEEP_SECONDS
    folders = [folder for folder in (home.uploads(), home.gradio_cache()) if folder.is_dir()]
    entries = [entry for folder in folders for entry in folder.iterdir()]
    old = [entry for entry in entries if entry.lstat().st_mtime < deadline]
    for entry in old:
        _delete(entry)
    return len(old)


def start() -> threading.Event:
    """Sweeps now and every hour, until the event is set."""
    stop = threading.Event()
    threading.Thread(target=_work, args=(stop,), name="sweeper", daemon=True).start()
    return stop


def _work(stop: threading.Event) -> None:
    while True:
        sweep()
        if stop.wait(EVERY_SECONDS):
            return


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
