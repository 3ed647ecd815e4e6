"""Whether a runtime works: its packages import, vLLM gives a token, llama.cpp converts and quantises. Really done."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.process import events
from engine.runtimes.kinds import Build
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import token_check
from engine.workers.runtimes.environment import python
from engine.workers.runtimes.pip import environment

IMPORT_SECONDS = 600  # a cold disk, and files that Python compiles at the first import
ROOT = Path(__file__).resolve().parents[3]
IMPORT = """
import importlib, sys
modules = [importlib.import_module(name) for name in sys.argv[1:]]
print("version", getattr(modules[0], "__version__", ""))
"""


@dataclass
class Checked:
    """What was tried, in words with the seconds it took, and the version that a package says of itself."""

    version: str = ""
    passed: list[str] = field(default_factory=list)


def all_of(build: Build, folder: Path, out: Path, log: Path) -> Checked:
    """Tries everything that the build is to do. Raises WorkFailedError with the cause."""
    checked = Checked()
    for check in build.checks:
        began = time.monotonic()
        match check:
            case "imports":
                _say(out, f"trying it: importing {', '.join(build.modules)}")
                command = [str(python(folder)), "-c", IMPORT, *build.modules]
                checked.version = _run(command, log).rpartition("version ")[2].strip()
                words = f"imports {', '.join(build.modules)}"
            case "token":
                _say(out, "trying it: starting a server with a tiny model")
                words = token_check.first_token(python(folder), log)
            case "llama":
                _say(out, "trying it: converting and quantising a tiny model")
                command = [sys.executable, "-m", "engine.workers.runtimes.llama_check", str(folder), str(out)]
                words = _run(command, log, own=True).strip().splitlines()[-1]
        checked.passed.append(f"{words} ({time.monotonic() - began:.0f} s)")
    return checked


def _run(command: list[str], log: Path, own: bool = False) -> str:
    """What a program prints; its whole output also goes to the log. `own`: it is a program of the studio."""
    env = environment() | ({"PYTHONPATH": str(ROOT)} if own else {})
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, env=env, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _broken(str(error)[:300], log) from error
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {command[0]} ...\n{done.stdout}{done.stderr}\n")
    if done.returncode:
        raise _broken(token_check.cause(done.stderr + done.stdout), log)
    return done.stdout


def _broken(words: str, log: Path) -> WorkFailedError:
    message = f"It was installed, but does not work here: {words}"
    return WorkFailedError("config", message, f"What was in use before still is. The log is {log}.")


def _say(out: Path, stage: str) -> None:
    events.append(out, events.Progress(done=0, stage=stage))
