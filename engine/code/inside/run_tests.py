"""Runs tests inside the sandbox, with nothing but the standard library: functions `test_...`, and unittest's cases.

The first line of its input is JSON: `mark`, and `files` with tests. Its last line of output is the mark and a JSON list
of `{name, error}`, one a test, the error empty where it passed. A file without any is a test itself: it passes when it
does not raise. What the tests print is kept up to MOST_PRINTED characters, so that the report is never cut off.
"""

import functools
import importlib.util
import inspect
import io
import json
import os
import sys
import traceback
import unittest
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

MOST_TESTS, MOST_ERROR, MOST_PRINTED = 500, 2_000, 100_000


class Printed(io.TextIOBase):
    """Passes text on until there was enough of it."""

    def __init__(self, target: Any) -> None:
        self._target, self._left = target, MOST_PRINTED

    def write(self, text: str) -> int:
        if self._left > 0:
            self._target.write(text[: self._left])
            self._left -= len(text)
        return len(text)

    def flush(self) -> None:
        self._target.flush()


def attempt(name: str, test: Callable[[], object]) -> dict[str, str]:
    """One test, whatever it does: a test may also end the program."""
    try:
        test()
    except unittest.SkipTest:
        pass
    except BaseException as error:  # noqa: BLE001  also SystemExit
        return {"name": name, "error": _words(error)}
    return {"name": name, "error": ""}


def _words(error: BaseException) -> str:
    """The end of the traceback, without the steps of this program and of the standard library."""
    here = os.getcwd() + os.sep
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if os.path.abspath(step.filename).startswith(here)]
    own = [step for step in own if os.path.basename(step.filename) != os.path.basename(__file__)]
    for step in own:
        step.filename = os.path.relpath(step.filename)
    text = "".join([*traceback.format_list(own[-8:]), *traceback.format_exception_only(error)])
    return text.strip()[-MOST_ERROR:]


def tests_in(module: ModuleType) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, value in list(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            yield from _of_class(name, value)


def _of_class(name: str, kind: type) -> Iterator[tuple[str, Callable[[], object]]]:
    if issubclass(kind, unittest.TestCase):
        for method in unittest.defaultTestLoader.getTestCaseNames(kind):
            yield f"{name}.{method}", kind(method).debug
    elif name.startswith("Test"):
        for method in [method for method in vars(kind) if method.startswith("test")]:
            yield f"{name}.{method}", functools.partial(call, kind, method)


def call(kind: type, method: str) -> None:
    getattr(kind(), method)()


def load(file: str) -> ModuleType:
    name = file.removesuffix(".py").replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  what a file that ends in .py has
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(files: list[str]) -> list[dict[str, str]]:
    results: list[dict[str, str]] = []
    for file in files:
        modules: list[ModuleType] = []
        loaded = attempt(file, functools.partial(load_into, modules, file))
        tests = list(tests_in(modules[0])) if modules else []
        results += [attempt(f"{file}: {name}", test) for name, test in tests] if tests else [loaded]
    return results[:MOST_TESTS]


def load_into(modules: list[ModuleType], file: str) -> None:
    modules.append(load(file))


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    sys.path.insert(0, "")
    output = sys.stdout
    sys.stdout = sys.stderr = Printed(output)
    results = report(asked["files"])
    output.write(f"\n{asked['mark']} {json.dumps(results)}\n")
    output.flush()


if __name__ == "__main__":
    main()
