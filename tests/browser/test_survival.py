"""What outlives what: the training its studio, the page the studio it came from."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from storage import db
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.browser.conftest import TOKEN, Studio, go, running
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
KNOBS = {"FAKE_STEPS": "4000", "FAKE_PAUSE": "0.02", "FAKE_SAVE": "50"}


def steps(page: Page) -> int:
    """The step the open page of a run shows."""
    words = page.locator(".ts-figures dd").first.inner_text()
    return int(words.split(" of ")[0].replace(",", "")) if " of " in words else 0


def start_run(studio: Studio) -> str:
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        body = {"name": "survivor", "recipe": {"model_id": "m1", "dataset_id": "d1", "max_length": 512}}
        answer = client.post("/api/runs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def test_kill_9_of_the_studio_is_a_pause_for_the_page_and_nothing_for_the_training(
    browser: Browser, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    db.prepare()
    with db.session() as session:
        ready: dict[str, Any] = {
            "status": ModelStatus.READY,
            "trainable": True,
            "has_chat_template": True,
            "context_length": 512,
        }
        session.add(Model(id="m1", source="path", source_id="x", name="m", path=str(tiny_model), **ready))
        rows: dict[str, Any] = {
            "status": DatasetStatus.READY,
            "kind": "chat",
            "accepted": 9,
            "rows": 9,
            "sha256": "0" * 64,
        }
        session.add(Dataset(id="d1", project_id="default", name="rows", **rows))
    context = browser.new_context(viewport={"width": 1360, "height": 860})
    page = context.new_page()
    with running(tmp_path, "tests.browser.studio", settings=KNOBS) as first:
        page.goto(f"{first.url}/?token={TOKEN}")
        run_id = start_run(first)
        go(page, f"{first.url}/runs?run={run_id}")
        wait_for(lambda: steps(page) > 20)
        first.process.kill()
        first.process.wait()
        expect(page.get_by_text("Connection lost")).to_be_visible()
        before = steps(page)
    with running(tmp_path, "tests.browser.studio", int(first.url.rpartition(":")[2]), KNOBS) as second:
        wait_for(lambda: steps(page) > before)
        expect(page.get_by_text("Connection lost")).to_be_hidden()
        with httpx.Client(base_url=second.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            run = client.get(f"/api/runs/{run_id}").json()
            assert (run["status"], run["attempt"]) == ("running", 1)
            client.post(f"/api/runs/{run_id}/stop")
            wait_for(lambda: client.get(f"/api/runs/{run_id}").json()["status"] == "stopped")
        expect(page.get_by_text("stopped").first).to_be_visible()
    context.close()
