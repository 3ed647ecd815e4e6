"""What the studio writes about itself: one JSON object a line, in logs/NAME.log, with a run's id and without secrets.

{"at": 1795382400.1, "level": "WARNING", "logger": "tunesmith.runs", "message": "...", "about": "3f2a..."}
"""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from engine.process import hub_token
from storage import home
from storage.settings import settings

MOST_BYTES, FILES_KEPT = 10 << 20, 5
HIDDEN = "[hidden]"
SILENT_SECONDS, MOST_SILENCED = 60, 1000
_SHAPES = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]+"),
    re.compile(
        r"(?i)(\b(?:api[_-]?key|token|password|passwd|secret|authorization)\b[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"()\b(?:hf|sk|ts|ghp|gho)[_-][A-Za-z0-9_-]{16,}"),
)


class Repeats:
    """Which failures were written a moment ago, for all threads of the process."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()

    def is_news(self, failure: tuple[str, str, str]) -> bool:
        """Whether a failure is to be written: not within a minute of its last time."""
        now = time.monotonic()
        with self._lock:
            if now - self._written.get(failure, -SILENT_SECONDS) < SILENT_SECONDS:
                return False
            if len(self._written) >= MOST_SILENCED:
                self._written.clear()
            self._written[failure] = now
            return True


_repeats = Repeats()


def redact(text: str) -> str:
    """The text with keys, tokens and passwords hidden: the studio's own, and whatever looks like one."""
    for value in _own_secrets():
        text = text.replace(value, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(rf"\g<1>{HIDDEN}", text)
    return text


def _own_secrets() -> list[str]:
    names = [name for name in os.environ if name.endswith(("_TOKEN", "_PASSWORD", "_SECRET", "_API_KEY"))]
    values = [os.environ[name] for name in names] + [hub_token.value() or ""]
    return [value for value in values if len(value) >= 6]


class JsonLines(logging.Formatter):
    """A record as one line of JSON, whatever is in the message."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {"at": round(record.created, 3), "level": record.levelname, "logger": record.name}
        entry["message"] = redact(record.getMessage())
        if about := record.__dict__.get("about"):
            entry["about"] = about
        entry |= record.__dict__.get("facts", {})  # numbers and fixed words that a caller adds
        if record.exc_info:
            entry["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


class OwnersFile(RotatingFileHandler):
    """A log that only its owner may read, the rotated ones too."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding=self.encoding)


def about(name: str, subject_id: str) -> "logging.LoggerAdapter[logging.Logger]":
    """A logger whose every line carries the id of the run, model, dataset or backend it is about."""
    return logging.LoggerAdapter(logging.getLogger(f"tunesmith.{name}"), {"about": subject_id})


@contextmanager
def kept_going(name: str, subject_id: str = "") -> Iterator[None]:
    """The one broad except of the engine: what goes wrong with one thing is logged, and the others go on.

    The same failure every second is written once a minute.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001
        if _repeats.is_news((name, subject_id, repr(error))):
            about(name, subject_id).exception("failed: %s", error)


def file(name: str = "studio") -> Path:
    return home.logs() / f"{name}.log"


def set_up(name: str = "studio") -> None:
    """Sends the log of this process to logs/NAME.log. Each kind of process has a file of its own: it rotates."""
    take_down()
    home.ensure_folder(home.logs())
    handler = OwnersFile(file(name), maxBytes=MOST_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    handler.set_name("tunesmith")
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("tunesmith").setLevel(settings().log_level.upper())


def take_down() -> None:
    """Ends what `set_up` began."""
    root = logging.getLogger()
    for handler in [candidate for candidate in root.handlers if candidate.get_name() == "tunesmith"]:
        root.removeHandler(handler)
        handler.close()
