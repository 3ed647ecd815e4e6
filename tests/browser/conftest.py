"""A studio in a process of its own and a browser that looks at it. A test fails on every error in the console."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from engine.runs import runs
from storage import db
from storage import runs as stored_runs
from storage.tables import Run
from tests import tracing
from tests.browser import chromium
from tests.conftest import CHROMIUM_FLAGS, ROOT
from tests.fixed_reports import BETTER
from tests.waiting import wait_for

TOKEN = "the-token-of-the-browser-tests-0123456789"
Open = Callable[..., Page]


@dataclass(frozen=True)
class Studio:
    url: str
    home: Path
    log: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def running(
    folder: Path,
    module: str,
    port: int = 0,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Studio]:
    """A studio of its own process, on a free port, with its home in `folder`. Its log must end without a traceback.

    It goes without Coverage, which makes its pages slow: `tests/pages` and `tests/app` hold those lines.
    """
    log = folder / "server.log"
    own = {"TUNESMITH_HOME": str(folder / "home"), "TUNESMITH_TOKEN": TOKEN, "TUNESMITH_REPORTS": "0"}
    env = {**tracing.without(os.environ), **own, **settings}
    command = [sys.executable, "-m", module, "serve", "--no-browser", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        match = wait_for(lambda: process.poll() is not None or re.search(r"http://\S+?:\d+", log.read_text()), 120)
        assert isinstance(match, re.Match), log.read_text()
        yield Studio(match[0], folder / "home", log, process)
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in log.read_text()


expect.set_options(timeout=60_000)  # of a page on a busy machine; where something is slow by nature, the test says more


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all browser tests. Its trainer is tests.fake_worker."""
    knobs = {"FAKE_STEPS": "3000", "FAKE_PAUSE": "0.02", "FAKE_SAVE": "500", "FAKE_RESULT": json.dumps(BETTER)}
    with running(tmp_path_factory.mktemp("studio"), "tests.browser.studio", settings=knobs) as running_studio:
        yield running_studio


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with the tests of this folder: while it lives its event loop runs here, and no other can."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.find(), args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def at_home(studio: Studio, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The studio's own home, so that a test can write rows its pages then show. No run of it goes on afterwards."""
    monkeypatch.setenv("TUNESMITH_HOME", str(studio.home))
    yield studio.home
    for run in moving():
        runs.stop_run(run.id)
    wait_for(lambda: not moving())
    db.forget()


def moving() -> Sequence[Run]:
    with db.reading() as session:
        return stored_runs.moving(session)


@pytest.fixture
def visit(browser: Browser, studio: Studio) -> Iterator[Open]:
    """Opens a path in a new, signed-in context: `visit("/runs", width=390)`. Errors in the console fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page(path: str = "/", width: int = 1360, theme: str = "light") -> Page:
        scheme = "dark" if theme == "dark" else "light"
        size = {"width": width, "height": 860}
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" and not harmless(message) else None,
        )
        context.request.get(f"{studio.url}/?token={TOKEN}", max_redirects=0)  # logs in, and opens no page for that
        page = context.new_page()
        return go(page, studio.url + path)

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if not any(words in error for words in OF_LEAVING)] == []


# What Gradio's client says when a page is left while one of its own events is on the way; what Chromium says when the
# fading from one page to the next comes too late.
OF_LEAVING = ("AbortError: signal is aborted", "AbortError: BodyStreamBuffer was aborted", "Connection errored out",
              "Transition was aborted")  # fmt: skip


LOST = "/nowhere"  # what a test opens because nothing is there


def harmless(message: ConsoleMessage) -> bool:
    """Chromium's own lines about an offline browser, a lost address, and a run deleted while its chart was asking."""
    of_a_run = re.search(rf"/api/runs/\w+/(metrics|curves|log)|{LOST}$", message.location["url"])
    return "ERR_INTERNET_DISCONNECTED" in message.text or ("404" in message.text and of_a_run is not None)


def go(page: Page, url: str) -> Page:
    """Goes there and waits until the frame stands."""
    page.goto(url)
    page.locator(".ts-heading h1").wait_for()
    return page


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """What a test starts here goes without Coverage, as the studio does."""
