"""Programs forked from a process that has imported torch and TRL: importing takes longer than a tiny training does.

Apart from that a program runs as `python -m MODULE ARGUMENTS` runs it: with an environment, an output file, an exit
code and signals of its own. What a cold start is about (torchrun, the shim, the first event) is tested without this.
"""

import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import warnings
from multiprocessing import forkserver
from pathlib import Path
from subprocess import TimeoutExpired
from types import TracebackType
from typing import Self

import pytest
from coverage import Coverage

from tests import tracing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.workers.preloaded"])
ROOT = Path(__file__).resolve().parents[2]


class Program:
    """One running program, with the part of subprocess.Popen that tests use."""

    def __init__(self, module: str, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self._module = module
        _begin()
        self._process = FORKS.Process(target=_run, args=(module, arguments, env, log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal. Raises TimeoutExpired."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise TimeoutExpired(self._module, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.wait()


def _begin() -> None:
    """The process that all are forked from is traced if any test is: what is forked from an untraced one never is."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in tracing.AT_FIRST.items():
            environment.setenv(name, value)
        forkserver.ensure_running()


def _run(module: str, arguments: list[str], env: dict[str, str], log: Path) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    if not tracing.is_on(env):
        sys.settrace(None)
        threading.settrace(None)
    run_module(module, arguments)


def run_module(module: str, arguments: list[str]) -> None:
    """What `python -m MODULE ARGUMENTS` runs, in this process, which was forked for it."""
    sys.argv = [module, *arguments]
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")  # the module was imported before
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        # A forked process ends without what Coverage does at the end of others.
        if tracing.is_on(os.environ) and (coverage := Coverage.current()):
            coverage.save()
