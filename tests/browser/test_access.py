"""axe-core finds nothing to mend on any page, in any state of it, in either scheme."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.window.studio import PAGES
from engine.accounts import projects
from engine.chat import chat
from engine.code import deleting as snippets_deleting
from engine.code import snippets
from engine.registry import versions
from engine.serve import endpoints
from engine.sweeps import deleting as sweeps_deleting
from pages.data import tabs as data_tabs
from pages.runs import tabs as run_tabs
from pages.shell import COOKIE
from storage import db
from storage.statuses import EndpointStatus, RunStatus
from storage.tables import DEFAULT_PROJECT, Evaluation, Message
from tests import recorded_sweep
from tests.browser.conftest import LOST, TOKEN, Open, Studio
from tests.browser.stored_runs import add_run
from tests.fixed_reports import succeeded
from tests.serving import active, end_all, finished_run, ready_model
from tests.stored_evaluations import report_on
from tests.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # a busy machine has its minutes
ANSWER = "One:\n\n1. first\n   - inner\n2. second\n\n```python\ndef joke(n: int) -> str:\n    return n * 'x'  # ha\n```"
TURNS = [("user", "Tell me a joke."), ("tuned", ANSWER), ("base", "A `joke` is [a text](https://example.org).")]
ROWS = [{"prompt": f"What is {n} plus {n}?", "completion": f"{n} plus {n} equals {2 * n}."} for n in range(12)]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES = {"label-content-name-mismatch": {"enabled": True}}  # experimental, and right
WHOLE: dict[str, Any] = {"resultTypes": ["violations"], "rules": RULES}
OF_COLOUR: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
AXE = Axe().axe_script
UNMENDED = (
    ".upload-container[aria-label], .placeholder-content[role], .message pre:not([tabindex]),"
    ' [data-testid=bot][aria-label*="message"]'
)
Place = tuple[str, str]
"""An address, and what stands there when it is whole."""


def violations(page: Page, without: str = "") -> set[str]:
    """A line for each rule and place that axe complains about: every rule in light, those on colours in dark."""
    in_scheme(page, "light")
    page.evaluate(AXE)
    lines = _lines(page, WHOLE, without)
    in_scheme(page, "dark")
    return lines | _lines(page, OF_COLOUR, without)


def in_scheme(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Pages without the studio's scripts follow by themselves."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("dark => !window.tunesmith || tunesmith.dark() === dark", arg=scheme == "dark")


def _lines(page: Page, options: dict[str, Any], without: str = "") -> set[str]:
    context = {"exclude": [[without]]} if without else {"include": [["html"]]}
    results = page.evaluate("([context, options]) => axe.run(context, options)", [context, options])["violations"]
    return {
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:250]}"
        for rule in results
        for node in rule["nodes"]
    }


def looked_at(page: Page, places: Sequence[Place]) -> dict[str, set[str]]:
    """What axe finds at each of the places; those where it finds nothing are left out. The rail is the same on all."""
    lines: dict[str, set[str]] = {}
    for address, mark in places:
        page.goto(address)
        page.locator(mark).first.wait_for()
        expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
        expect(page.locator("[data-testid=status-tracker].translucent")).to_have_count(0)
        expect(page.locator(UNMENDED)).to_have_count(0)
        lines[address] = violations(page, without="#rail" if lines else "")
    return {address: problems for address, problems in lines.items() if problems}


def imported(client: httpx.Client, rows: list[dict[str, str]]) -> str:
    """The id of a dataset of these rows, once it is ready."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    name = f"{len(rows)} rows"
    dataset = client.post("/api/datasets", data={"name": name}, files={"file": ("rows.jsonl", text)}).json()["id"]
    wait_for(lambda: client.get(f"/api/datasets/{dataset}").json()["status"] == "ready", 60)
    return str(dataset)


@pytest.fixture
def filled(studio: Studio, at_home: Path) -> Iterator[list[Place]]:
    """A studio in which everything has happened once; gives the addresses of what there is to see."""
    model = ready_model()
    Path(str(model.path), "config.json").write_text("{}")
    run = finished_run(model, "first-lesson")
    evaluation = report_on(run.id, "first-lesson", result=succeeded(), tags=["lesson"])
    endpoint = endpoints.serve_run(run.id)
    stopped, failed = add_run("long one", RunStatus.STOPPED, points=40), add_run("broken", RunStatus.FAILED, points=9)
    talk = chat.new_chat(DEFAULT_PROJECT).id
    with db.session() as session:
        session.add_all([Message(chat_id=talk, side=side, content=text) for side, text in TURNS])
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        sums = imported(client, [*ROWS, {"prompt": "", "completion": ""}])
        pairs = imported(client, [{"prompt": "Say hi.", "chosen": "Hi.", "rejected": "No."}] * 9)
        client.post("/api/keys", json={"name": "laptop"}).raise_for_status()
    versions.add("sums", run_id=run.id, note="the first")
    sweep = recorded_sweep.store(recorded_sweep.picture())
    snippet = snippets.create("add", "python", "Add two numbers.", {"main.py": "def add(a, b):\n    return a + b\n"})
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    yield [
        *((f"/{page.SLUG}", ".ts-heading h1") for page in PAGES),
        *((f"/runs?run={stopped}&tab={tab}", ".ts-tabs [aria-current]") for tab in run_tabs.TABS),
        (f"/runs?run={run.id}", ".ts-title"),
        (f"/runs?run={run.id}&tab=report", ".ev-sentence"),
        (f"/runs?run={failed}", ".ts-title"),
        (f"/runs?compare={stopped},{failed}", ".ts-table"),
        ("/runs?queue=1", "#devices"),
        ("/runs?run=nobody", ".ts-empty"),
        *((f"/data?dataset={sums}&show={tab}", ".da-one") for tab in data_tabs.TABS),
        (f"/data?dataset={pairs}", ".da-pair"),
        (f"/train?model={model.id}&dataset={sums}", "#fit-title"),
        (f"/evaluate?evaluation={evaluation.id}", ".ev-sentence"),
        ("/registry?model=sums", ".ts-title"),
        (f"/models?model={model.id}", ".mo-one"),
        *((f"/sweeps?sweep={sweep}&tab={tab}", ".ts-tabs [aria-current]") for tab in ("overview", "charts", "trials")),
        (f"/chat?chat={talk}", "#chat-tuned pre"),
        (f"/code?snippet={snippet.id}", "#code-editor .cm-content"),
    ]
    end_all()
    sweeps_deleting.delete(sweep)
    snippets_deleting.delete(snippet.id)
    with db.session() as session:
        for row in session.exec(select(Evaluation)).all():
            session.delete(row)


def test_axe_finds_nothing_on_any_page_in_either_scheme(visit: Open, studio: Studio, filled: list[Place]) -> None:
    page = visit("/")
    problems = looked_at(page, [(studio.url + path, mark) for path, mark in filled])
    assert problems == {}


def test_axe_finds_nothing_where_there_is_nothing_yet(visit: Open, studio: Studio, at_home: Path) -> None:
    project = projects.create_project("Empty")
    page = visit("/")
    page.context.add_cookies([{"name": COOKIE, "value": project.id, "url": studio.url}])
    places = [(f"{studio.url}/{page.SLUG}", ".ts-heading h1") for page in PAGES]
    problems = looked_at(page, places)
    assert problems == {}


def test_axe_finds_nothing_in_the_guide_nor_in_what_opens_over_a_page_nor_outside_the_frame(
    visit: Open, studio: Studio, at_home: Path
) -> None:
    page = visit("/")
    guide = (("/help?page=formats", ".hp-text"), ("/help?q=memory", ".hp-hits"), (LOST, ".ts-alone"))
    assert looked_at(page, [(studio.url + path, mark) for path, mark in guide]) == {}
    page.goto(f"{studio.url}/runs")
    page.locator("#content").focus()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    problems = {"shortcuts": violations(page)}
    page.keyboard.press("Escape")
    page.locator(".ts-switch summary").click()
    problems["projects"] = violations(page)
    page.goto("about:blank")  # what is open would go on asking, and be refused
    page.context.clear_cookies()
    for scheme in SCHEMES:  # the login follows when it is opened
        in_scheme(page, scheme)
        page.goto(f"{studio.url}/login")
        page.evaluate(AXE)
        problems[f"/login, {scheme}"] = _lines(page, WHOLE)
    assert {place: lines for place, lines in problems.items() if lines} == {}
