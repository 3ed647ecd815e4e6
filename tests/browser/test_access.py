"""axe-core finds nothing to mend on any page, in any state of it, in either scheme."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.window.studio import PAGES
from engine.chat import chat
from engine.code import snippets
from engine.registry import versions
from engine.serve import endpoints
from pages.data import tabs as data_tabs
from pages.runs import tabs as run_tabs
from storage import db
from storage.statuses import EndpointStatus, RunStatus
from storage.tables import DEFAULT_PROJECT, Evaluation, Message
from tests.browser.conftest import TOKEN, Open, Studio, go
from tests.browser.stored_runs import add_run
from tests.fixed_reports import succeeded
from tests.serving import active, end_all, finished_run, ready_model
from tests.stored_evaluations import report_on
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
ANSWER = "One:\n\n1. first\n   - inner\n2. second\n\n```python\ndef joke(n: int) -> str:\n    return n * 'x'  # ha\n```"
TURNS = [("user", "Tell me a joke."), ("tuned", ANSWER), ("base", "A `joke` is [a text](https://example.org).")]
ROWS = [{"prompt": f"What is {n} plus {n}?", "completion": f"{n} plus {n} equals {2 * n}."} for n in range(12)]
OPTIONS: dict[str, Any] = {"resultTypes": ["violations"]}


def violations(page: Page) -> list[str]:
    """A line for each rule and place that axe complains about."""
    results = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:120]} {node['any'][:1] and node['any'][0]['message'][:160]}"
        for rule in results
        for node in rule["nodes"]
    ]


@pytest.fixture
def filled(studio: Studio, at_home: Path) -> Iterator[list[str]]:
    """A studio in which everything has happened once; gives the addresses of what there is to see."""
    model = ready_model()
    Path(str(model.path), "config.json").write_text("{}")
    run = finished_run(model, "first-lesson")
    evaluation = report_on(run.id, "first-lesson", result=succeeded(), tags=["lesson"])
    endpoint = endpoints.serve_run(run.id)
    running, failed = add_run("long one", RunStatus.STOPPED, points=40), add_run("broken", RunStatus.FAILED, points=9)
    talk = chat.new_chat(DEFAULT_PROJECT).id
    with db.session() as session:
        session.add_all([Message(chat_id=talk, side=side, content=text) for side, text in TURNS])
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        rows = "".join(json.dumps(row) + "\n" for row in [*ROWS, {"prompt": "", "completion": ""}])
        dataset = client.post("/api/datasets", data={"name": "sums"}, files={"file": ("s.jsonl", rows)}).json()["id"]
        client.post("/api/keys", json={"name": "laptop"}).raise_for_status()
        wait_for(lambda: client.get(f"/api/datasets/{dataset}").json()["status"] == "ready", 60)
    versions.add("sums", run_id=run.id, note="the first")
    snippet = snippets.create("add", "python", "Add two numbers.", {"main.py": "def add(a, b):\n    return a + b\n"})
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    yield [
        *(f"/{page.SLUG}" for page in PAGES),
        *(f"/runs?run={running}&tab={tab}" for tab in run_tabs.TABS),
        f"/runs?run={run.id}",
        f"/runs?run={run.id}&tab=report",
        f"/runs?run={failed}",
        f"/runs?compare={running},{failed}",
        "/runs?queue=1",
        "/runs?run=nobody",
        *(f"/data?dataset={dataset}&show={tab}" for tab in data_tabs.TABS),
        f"/train?model={model.id}&dataset={dataset}",
        f"/evaluate?evaluation={evaluation.id}",
        "/registry?model=sums",
        f"/chat?chat={talk}",
        f"/code?snippet={snippet.id}",
    ]
    end_all()
    with db.session() as session:
        for row in session.exec(select(Evaluation)).all():
            session.delete(row)


def test_axe_finds_nothing_on_any_page_in_either_scheme(visit: Open, studio: Studio, filled: list[str]) -> None:
    page = visit("/")
    found: dict[str, list[str]] = {}
    for path in filled:
        go(page, studio.url + path)
        expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
        expect(page.locator("[data-testid=status-tracker].translucent")).to_have_count(0)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("body.dark")).to_have_count(int(scheme == "dark"))
            for line in violations(page):
                found.setdefault(line, []).append(path + " " + scheme)
    Path("/tmp/b/help/axe.json").write_text(json.dumps(found, indent=1))
    assert found == {}
