"""What Coverage sees: which modules while tests are collected, which programs, and of killed ones what is whole."""

import importlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage, CoverageData

from tests import tracing
from tests.conftest import ROOT


def data_file(folder: Path, suffix: str) -> Path:
    """What a traced process writes: of so many lines that it takes several pages."""
    data = CoverageData(str(folder / ".coverage"), suffix=suffix)
    data.add_lines({f"/nowhere/file{number}.py": range(1, 2000) for number in range(200)})
    data.write()
    data.close()
    return folder / f".coverage.{suffix}"


def break_at(file: Path, place: int) -> None:
    with file.open("r+b") as content:
        content.seek(place)
        content.write(b"\xff" * 3000)
    os.utime(file, (0, 0))


@pytest.mark.parametrize("place", [0, 4096, 8192, -1])
def test_half_a_data_file_is_dropped_and_the_sum_is_that_of_the_others(tmp_path: Path, place: int) -> None:
    whole, broken = data_file(tmp_path, "whole.1"), data_file(tmp_path, "killed.2")
    if place >= 0:
        break_at(broken, place)
    else:  # a process that was killed before it had written all of it
        broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
        os.utime(broken, (0, 0))
    assert tracing.drop_broken(tmp_path / ".coverage") == [broken]
    assert list(tmp_path.glob(".coverage.*")) == [whole]
    summed = Coverage(data_file=str(tmp_path / ".coverage"), config_file=False)
    summed.combine()
    assert len(summed.get_data().measured_files()) == 200
    summed.get_data().close()


def test_a_file_that_never_became_a_database_is_dropped_and_one_of_another_name_is_left(tmp_path: Path) -> None:
    (tmp_path / ".coverage.empty.3").touch()
    os.utime(tmp_path / ".coverage.empty.3", (0, 0))
    (tmp_path / ".coveragerc").write_text("[run]\n")
    sqlite3.connect(tmp_path / ".coverage").close()
    assert tracing.drop_broken(tmp_path / ".coverage") == [tmp_path / ".coverage.empty.3"]
    assert (tmp_path / ".coveragerc").exists()


def test_a_program_without_the_variables_is_not_traced() -> None:
    environment = dict(os.environ) | {"COVERAGE_PROCESS_START": "pyproject.toml"}
    assert tracing.is_on(environment)
    assert not tracing.is_on(tracing.without(environment))
    code = "import sys; print('coverage' in sys.modules, sys.gettrace())"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=tracing.without(environment), capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "None"]


def how(looking: tracing.Looking, nodeid: str) -> tuple[bool, bool]:
    """Whether the process of a test, and its programs, are traced."""
    with looking.at(nodeid):
        return sys.gettrace() is not None, tracing.is_on(os.environ)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that is traced, as are its programs."""
    monkeypatch.setenv("COVERAGE_PROCESS_START", "pyproject.toml")
    before = sys.gettrace()
    sys.settrace(before or (lambda *_: None))
    yield
    sys.settrace(before)


@pytest.mark.usefixtures("traced")
def test_a_test_is_looked_at_in_its_first_case_alone_and_not_where_others_hold_the_lines() -> None:
    looking = tracing.Looking()
    cases = ["tests/a.py::test_it[1]", "tests/a.py::test_it[2]", "tests/a.py::test_other", "tests/b.py::test_it[2]"]
    assert [how(looking, case)[0] for case in cases] == [True, False, True, True]
    for place in tracing.ELSEWHERE:
        assert (ROOT / place).exists()
        assert how(looking, f"{place}::test_anything") == (False, False)


@pytest.mark.usefixtures("traced")
def test_the_programs_of_the_first_tests_of_each_file_are_looked_at() -> None:
    looking, first = tracing.Looking(), tracing.Looking.WITH_PROGRAMS
    for file in ("tests/a.py", "tests/b.py"):
        seen = [how(looking, f"{file}::test_{number}[{case}]") for number in range(first + 2) for case in "xy"]
        assert seen[::2] == [(True, True)] * first + [(True, False)] * 2
        assert seen[1::2] == [(False, False)] * (first + 2)


def test_while_nothing_is_looked_at_neither_this_process_nor_its_threads_and_programs_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def state() -> list[object]:
        seen: list[object] = [sys.gettrace(), tracing.is_on(os.environ)]
        thread = threading.Thread(target=lambda: seen.append(sys.gettrace()))
        thread.start()
        thread.join()
        return seen

    def tracer(*_: object) -> None:
        """Looks at nothing."""

    monkeypatch.setenv("COVERAGE_PROCESS_START", "pyproject.toml")
    before, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(tracer)
    threading.settrace(tracer)
    try:
        with tracing.off():
            meanwhile = state()
        after = state()
    finally:
        threading.settrace(of_threads)
        sys.settrace(before)
    assert meanwhile == [None, False, None]
    assert after == [tracer, True, tracer]


def test_while_tests_are_collected_our_modules_are_traced_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"a_test_of_ours": "import our_module\nX = 1\n", "our_module": "import their_module\nX = 2\n"}
    for name, text in (texts | {"their_module": "X = 3\n"}).items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setitem(sys.modules, name, sys)  # so that it is forgotten afterwards
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    traced = set()

    def tracer(frame: Any, event: str, _: object) -> Any:
        if event == "line":
            traced.add((Path(frame.f_code.co_filename).stem, frame.f_lineno))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with tracing.of_ours_alone(["our_module"]):
            importlib.import_module("a_test_of_ours")
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer
    assert {place for place in traced if place[0] in {*texts, "their_module"}} == {("our_module", 1), ("our_module", 2)}
