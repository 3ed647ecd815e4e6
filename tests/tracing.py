"""Coverage of the programs that tests start: which go without it, and what a killed one leaves.

Coverage writes a file for each process, without a journal: a process that is killed at that moment leaves half of a
database. Adding it up gives a warning where its first page is broken, and ends the whole run where a later one is.
"""

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.waiting import wait_for

NAMES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""By these a new Python finds out that it is to be traced."""
AT_REST = 5.0
"""Seconds: a file that changed more lately may be one that a process is just writing."""


AT_FIRST: dict[str, str] = {}
"""The same with their values, as they were before the first test."""
ELSEWHERE = ("tests/browser/", "tests/chaos/", "tests/homes/", "tests/load/", "tests/security/test_bad_input.py",
             "tests/security/test_every_route_needs_a_credential.py")  # fmt: skip
"""Tests of a whole studio, or of every address in turn: what they run of it is held, and traced, by other tests."""


def remember() -> None:
    AT_FIRST.update({name: os.environ[name] for name in NAMES if name in os.environ})


class Looking:
    """Decides, test by test, where Coverage looks: whatever Python does takes up to twice as long with it.

    A parametrised test is looked at in its first case alone: the others run the same lines with other values. The
    programs of a file's first tests are looked at too: those of the others run much the same lines once more.
    """

    WITH_PROGRAMS = 3
    """Tests of a file."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._looked: Counter[str] = Counter()

    def at(self, nodeid: str) -> contextlib.AbstractContextManager[None]:
        test = nodeid.partition("[")[0]
        if test in self._known or nodeid.startswith(ELSEWHERE):
            return off()
        self._known.add(test)
        file = test.partition("::")[0]
        self._looked[file] += 1
        return contextlib.nullcontext() if self._looked[file] <= self.WITH_PROGRAMS else no_programs()


def is_on(environment: Mapping[str, str]) -> bool:
    return any(name in environment for name in NAMES)


def without(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment for a program that is not traced."""
    return {name: value for name, value in environment.items() if name not in NAMES}


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """For long work of other people's code in a test's own process, and in threads that begin meanwhile."""
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(of_threads)
        sys.settrace(tracer)


@contextlib.contextmanager
def no_programs() -> Iterator[None]:
    """No program that starts meanwhile is traced."""
    names = {name: os.environ.pop(name) for name in NAMES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(names)


@contextlib.contextmanager
def off() -> Iterator[None]:
    """Neither this process nor a program that it starts is traced meanwhile."""
    with no_programs(), paused():
        yield


@contextlib.contextmanager
def of_ours_alone(packages: Sequence[str]) -> Iterator[None]:
    """Meanwhile the modules of these packages are traced as they are imported, and nothing else is.

    For the collecting of tests, which is pytest's own work and imports of other people's code, a third slower traced.
    """
    tracer = sys.gettrace()
    finder = _Switch(tracer, packages)
    sys.meta_path.insert(0, finder)
    sys.settrace(None)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.settrace(tracer)


class _Switch(MetaPathFinder):
    """Puts the tracer on while a module of ours runs for its import, and off again while that imports another's."""

    def __init__(self, tracer: Any, packages: Sequence[str]) -> None:
        self._tracer, self._packages = tracer, packages

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        tracer = self._tracer if name.partition(".")[0] in self._packages else None
        if tracer is sys.gettrace():
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader.exec_module = partial(_run, spec.loader.exec_module, tracer)  # type: ignore[method-assign]
        return spec


def _run(load: Callable[[ModuleType], None], tracer: Any, module: ModuleType) -> None:
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        load(module)
    finally:
        sys.settrace(before)


def drop_broken(sum_file: Path) -> list[Path]:
    """Removes those of the files to be added up into `sum_file` that are no whole database, and returns them."""
    broken = []
    for file in sum_file.parent.glob(f"{sum_file.name}.*"):
        with contextlib.suppress(AssertionError):
            wait_for(lambda file=file: _is_whole(file) or _is_at_rest(file), 60)  # type: ignore[misc]
        if not _is_whole(file):
            file.unlink(missing_ok=True)
            broken.append(file)
    return broken


def _is_at_rest(file: Path) -> bool:
    return not file.exists() or time.time() - file.stat().st_mtime > AT_REST


def _is_whole(file: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            checked = database.execute("pragma quick_check(1)").fetchall() == [("ok",)]
            database.execute("select * from meta").fetchall()
            return checked
    except sqlite3.Error:
        return False
