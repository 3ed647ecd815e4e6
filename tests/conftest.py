"""What every test starts from: a home of its own, with an empty database."""

import faulthandler
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from engine.process import process
from engine.sandbox import commands, probing
from storage import db
from storage.home import database_file
from tests import tracing

ROOT = Path(__file__).resolve().parent.parent
# Test processes share the cores as it is, and torch's threads spin while they wait for each other: on two cores a
# training of the tiny model took five times the CPU time with two threads.
os.environ["OMP_NUM_THREADS"] = "1"
# A test process that uses up the time of engine.workers.limits says where before it is ended.
faulthandler.register(signal.SIGPROF, all_threads=True, chain=True)
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def needs(program: str | None, name: str) -> pytest.MarkDecorator:
    """For a test that needs a server of the system: without it the test is left out, but not on CI, where it fails."""
    return pytest.mark.skipif(program is None and not os.environ.get("CI"), reason=f"{name} is not installed here")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is there by then stays: a sweep for garbage need not look at it again, test after test."""
    gc.disable()
    tracing.remember()
    with tracing.of_ours_alone(("app", "pages", "engine", "storage")):
        result = yield
    gc.freeze()
    gc.enable()
    return result


looking = tracing.Looking()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Set-up and tear-down included."""
    with looking.at(item.nodeid):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Between the last test and the sum of what was covered, in the process that makes it."""
    result = yield
    if not hasattr(session.config, "workerinput"):
        tracing.drop_broken(Path(os.environ.get("COVERAGE_FILE", ROOT / ".coverage")))
    return result


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrations leave it, made once: migrating takes a hundred times as long as copying a file."""
    folder = tmp_path_factory.mktemp("blank")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_HOME", str(folder))
        patch.delenv("TUNESMITH_DATABASE_URL", raising=False)
        db.prepare()
        db.forget()
        return database_file()


@pytest.fixture(autouse=True)
def home(blank_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test has its own home; nothing of the person who runs the tests is read or written.

    The environment is put back too, and packages that were hidden: a worker's function that is called here sets and
    hides what only a worker's process should.
    """
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("TUNESMITH_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TUNESMITH_HOME", str(folder))
    monkeypatch.setenv("TUNESMITH_REPORTS", "0")  # tests of reports ask for them: each takes a worker of its own
    shutil.copy(blank_database, database_file())
    yield folder
    _end_workers(folder)
    db.forget()
    os.environ.clear()
    os.environ.update(before)
    for name in [name for name, module in sys.modules.items() if module is None]:
        del sys.modules[name]


def _end_workers(folder: Path) -> None:
    """Ends what a test has left at work in its home, such as the checks of a dataset nobody waited for.

    They took the cores from the tests that came after, and some would never end.
    """
    for depth in ("*/*", "*/*/*/*"):  # the tracker of a run is two folders below the run
        for lock in folder.glob(f"{depth}/{process.LOCK}"):
            if process.alive(lock.parent):
                process.kill(lock.parent)


@pytest.fixture
def untraced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that the test starts run without Coverage, which makes each half as slow again.

    For whole ways through the studio, whose every line other tests hold, and for programs that are killed at random:
    one that is killed while it writes what was covered leaves a broken file.
    """
    for name in tracing.NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has nothing to hold code back: only bubblewrap would be tried, and is not installed."""
    monkeypatch.setattr(commands, "NAMES", (commands.BUBBLEWRAP,))
    monkeypatch.setenv("PATH", "/nowhere")
    probing.forget()
    yield
    probing.forget()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama, made once. Read only."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    command = [sys.executable, "-m", "tests.tiny", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env=tracing.without(os.environ))
    return folder


@pytest.fixture(scope="session")
def test_data() -> Path | None:
    """The folder of real public data, where there is one. Tests must pass without it too."""
    path = Path(os.environ.get("TUNESMITH_TEST_DATA", ""))
    return path if path.name and path.is_dir() else None
