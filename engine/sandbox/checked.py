"""What may be run: names, sizes, language, limits. Refused before anything is written."""

import math
from collections.abc import Mapping

from engine.sandbox.errors import SandboxError
from engine.sandbox.limits import LONGEST_SECONDS, Limits

LANGUAGES = ("python",)
MOST_FILES, MOST_BYTES, MOST_NAME, MOST_DEPTH = 50, 1_000_000, 120, 8
MOST_STDIN_BYTES = 1_000_000


def refuse(files: Mapping[str, str | bytes], stdin: str, language: str, limits: Limits, entry: str) -> None:
    """Raises SandboxError, which names what is wrong."""
    if language not in LANGUAGES:
        raise SandboxError(f"`language` is {language!r:.40}; only Python is run here.", "Use `python`.")
    if not 0 < limits.wall_seconds <= LONGEST_SECONDS or not math.isfinite(limits.wall_seconds):
        raise SandboxError(f"`seconds` is {limits.wall_seconds:g}; a run may take up to {LONGEST_SECONDS:g}.")
    if len(files) > MOST_FILES:
        raise SandboxError(f"There are {len(files)} files; at most {MOST_FILES} are run together.")
    for name in files:
        _refuse_name(name)
    _refuse_clashes(files)
    size = sum(
        len(content.encode("utf-8", "replace") if isinstance(content, str) else content) for content in files.values()
    )
    if size > MOST_BYTES:
        raise SandboxError(f"The files have {size} bytes; together they may have {MOST_BYTES}.")
    if len(stdin.encode("utf-8", "replace")) > MOST_STDIN_BYTES:
        raise SandboxError(f"`stdin` is longer than {MOST_STDIN_BYTES} bytes.")
    if entry not in files:
        there = ", ".join(sorted(files)[:10]) or "none"
        raise SandboxError(f"There is no file `{entry:.60}` to run (files: {there:.200}).", "Call the program main.py.")


def _refuse_name(name: str) -> None:
    parts = name.split("/")
    if not name or len(name.encode("utf-8", "replace")) > MOST_NAME or len(parts) > MOST_DEPTH:
        raise _bad(name, f"it may have 1 to {MOST_NAME} bytes and {MOST_DEPTH} folders")
    if not name.isprintable() or "\\" in name:
        raise _bad(name, "control characters, invisible ones and backslashes are not allowed")
    if any(part in ("", ".", "..") for part in parts):
        raise _bad(name, "it has to stay inside its folder, without `..` and without `/` at either end")
    if parts[0] in (".tmp", ".shm"):
        raise _bad(name, "the sandbox uses this name itself")


def _bad(name: str, why: str) -> SandboxError:
    return SandboxError(f"A file cannot be called {name!r:.80}: {why}.", "Use a name such as main.py or data/rows.csv.")


def _refuse_clashes(files: Mapping[str, str | bytes]) -> None:
    for name in files:
        parts = name.split("/")
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if clash := next((folder for folder in folders if folder in files), None):
            raise SandboxError(f"`{clash}` is a file and the folder of `{name}` at once.", "Rename one of them.")
