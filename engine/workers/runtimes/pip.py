"""pip as a program: what it fetches counted in bytes, what it says written to the log, why it failed in words."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.process import events
from engine.runtimes.locks import Lock
from engine.sizes import in_words
from engine.workers import packaging
from engine.workers.contract import WorkFailedError

# What a person's own pip may be told, and what would make it refuse or change what the lock says.
UNTOLD = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_CONSTRAINT": os.devnull}
OWN_PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV")  # of the studio, not of a runtime
_FETCHES = re.compile(r"^\s+(Downloading|Using cached) (\S+)(?: \(([\d.]+) (bytes|kB|MB|GB)\))?")
_FROM_DISK = re.compile(r"^Processing (/.+\.whl)(?: \(from .*)?$")
_UNITS = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
_WORDS = {
    "hashes are required": "config",
    "do not match the hashes": "network",
    "no space left": "disk",
    "no matching distribution": "network",
}


Failure = Callable[[Sequence[str], list[str], Path], WorkFailedError]


def environment() -> dict[str, str]:
    """The environment of a program that is no part of the studio."""
    return {name: value for name, value in os.environ.items() if name not in OWN_PYTHON}


class Pip:
    """Runs pip for one installation, and adds up what all its runs have fetched."""

    def __init__(self, out: Path, log: Path, cache: Path, total_bytes: int) -> None:
        self._out, self._log, self._cache, self._total = out, log, cache, total_bytes
        self._done = self._of_this_file = self._reported = 0.0
        if not packaging.has_pip():
            message = "Runtimes are installed by pip, which is not installed beside the studio."
            raise WorkFailedError("config", message, "Run `python -m ensurepip` with the studio's Python, then retry.")

    @property
    def out(self) -> Path:
        """Where scratch files may be."""
        return self._out

    def run(self, arguments: Sequence[str], python: Path | None = None, env: dict[str, str] | None = None) -> None:
        """Runs pip, for the environment of another Python if one is given. Raises WorkFailedError."""
        bar = packaging.progress_bar()
        target = ["--python", str(python)] if python else []
        flags = ["--no-input", "--disable-pip-version-check", "--cache-dir", str(self._cache), "--progress-bar", bar]
        self.program([sys.executable, "-m", "pip", *target, *arguments, *flags], env)

    def only_these(self, lock: Lock, name: str) -> list[str]:
        """Arguments that install the packages of a lock, each as its file was locked; nothing is built."""
        requirements = self._out / f"{name}.txt"
        requirements.write_text(lock.text, encoding="utf-8")
        return ["install", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(requirements)]

    def program(
        self,
        command: Sequence[str],
        env: dict[str, str] | None = None,
        is_progress: Callable[[str], bool] | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Runs a program, and raises WorkFailedError with its own words when it fails.

        `is_progress` takes in a line that tells how far it is, so that it is not logged; `failure` makes an error of
        its lines about errors. Without them it is a program that fetches as pip does.
        """
        errors: list[str] = []
        is_progress, failure = is_progress or self._is_progress, failure or _failure
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", env=environment() | UNTOLD | (env or {}), cwd=self._out,
            ) as process:  # fmt: skip
                for line in process.stdout or ():
                    if not is_progress(line):
                        log.write(line)
                        log.flush()
                        errors += [line.strip()] if "error" in line.lower() else []
        if process.returncode:
            raise failure(command, errors, self._log)

    def fetched(self, size: float) -> None:
        """Adds what another program has fetched."""
        self._done += size
        self._report()

    def say(self, stage: str) -> None:
        """What is done now, of unknown length."""
        events.append(self._out, events.Progress(done=0, stage=stage))

    def _is_progress(self, line: str) -> bool:
        if progress := packaging.PROGRESS.match(line):
            self._of_this_file = float(progress[1])
            self._report()
            return True
        if fetch := _FETCHES.match(line):
            self._done += self._of_this_file
            self._of_this_file = 0.0
            if fetch[1] == "Using cached" and fetch[3]:
                self._of_this_file = float(fetch[3]) * _UNITS[fetch[4]]
                self._report()
        elif local := _FROM_DISK.match(line.rstrip()):
            self._done, self._of_this_file = self._done + self._of_this_file, 0.0
            self.fetched(_size(Path(local[1])))
        elif line.startswith("Installing collected packages"):
            self._done, self._of_this_file = self._done + self._of_this_file, 0.0
            self.say("installing the packages")
        return False

    def _report(self) -> None:
        done = min(self._done + self._of_this_file, self._total)
        if done - self._reported >= self._total / 200 or done >= self._total > self._reported:
            self._reported = done
            stage = f"downloading {in_words(done)} of {in_words(self._total)}"
            events.append(self._out, events.Progress(done=done, total=self._total or None, stage=stage))


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _failure(command: Sequence[str], errors: list[str], log: Path) -> WorkFailedError:
    words = next((line for line in reversed(errors) if line.startswith("ERROR")), errors[-1] if errors else "")
    category = next((kind for text, kind in _WORDS.items() if any(text in line.lower() for line in errors)), "network")
    message = f"The packages could not be installed: {words[:300] or f'{command[0]} failed without a message'}"
    hints = {
        "network": "Check the internet connection and which package index pip uses (`pip config list`), then retry.",
        "disk": "Free some space, then retry.",
        "config": "The lock lacks a hash. Please report it with the log.",
    }
    return WorkFailedError(category, message, f"{hints[category]} The log is {log}.")  # type: ignore[arg-type]
