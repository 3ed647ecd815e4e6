"""Runtimes on the Serve page: what is there, what an installation takes, its progress, and what its buttons do."""

from pathlib import Path

import pytest

from engine.process import events, plan, work
from engine.runtimes import runtimes
from pages.serve import runtimes as section
from storage import db, home
from storage import work as stored
from storage.statuses import WorkStatus
from tests.engine.runtimes.tiny_runtime import Shelf

OWNER = {"project": "default", "role": "owner"}


class Click:
    def __init__(self, name: str, id: str) -> None:
        self.name, self.id = name, id


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setitem(plan.WORKERS, runtimes.WORK, "tests.load.resting")
    (tmp_path / "wheels").mkdir()
    return Shelf(tmp_path / "wheels", monkeypatch)


def test_the_page_says_what_is_downloaded_and_the_button_begins_it(shelf: Shelf, toasts: list[str]) -> None:
    shelf.offer("1.0")
    shown = section.runtimes_html(OWNER)
    assert "a tiny runtime 1.0" in shown
    assert "Free disk needed" in shown
    assert "Built here" not in shown
    shelf.offer("1.0", tools_lock="tiny", build_core_minutes=0.5)
    assert "about 1 min" in section.runtimes_html(OWNER)
    shelf.offer("1.0")
    section.act(Click("runtime-install", "quantize"))
    latest = runtimes.describe("quantize")
    assert latest["status"] == "running"
    with db.session() as session:
        row = stored.get(session, latest["id"])
        assert row
        row.progress, row.stage = 0.25, "downloading 1 MB of 4 MB"
    shown = section.runtimes_html(OWNER)
    assert "downloading 1 MB of 4 MB" in shown
    assert "25 %" in shown
    assert "runtime-cancel" in shown
    section.act(Click("runtime-cancel", "quantize"))
    assert toasts == []
    assert "runtime-install" in section.runtimes_html(OWNER)


def test_a_failure_stands_on_the_page_escaped_and_a_link_leads_to_its_log(shelf: Shelf, toasts: list[str]) -> None:
    shelf.offer("1.0")
    started = runtimes.install("quantize")
    assert started
    events.append(home.work_folder(started.id), events.Failed(message="It broke <here>.", hint="Retry."))
    work.wait(started.id, 5)
    assert runtimes.describe("quantize")["status"] == WorkStatus.FAILED
    shown = section.runtimes_html(OWNER)
    assert "It broke &lt;here&gt;." in shown
    assert f'data-log="/api/work/{started.id}/log"' in shown
    assert runtimes.log_of(started) is None
    logs = home.ensure_folder(home.folder("runtimes", "logs"))
    (logs / f"quantize-{started.id}.log").write_text("ERROR <x>\n")
    assert runtimes.log_of(started) == logs / f"quantize-{started.id}.log"
    section.act(Click("runtime-back", "quantize"))
    assert "no version of tiny before" in toasts[0]


def test_what_cannot_run_has_its_reason_and_no_button(shelf: Shelf) -> None:
    shelf.offer("1.0", cpu_flags=("avx1024",))
    shown = section.runtimes_html(OWNER).partition('data-key="quantize"')[2]
    assert "Cannot be installed here" in shown
    assert "AVX1024" in shown
    assert "data-act" not in shown


def test_a_visitor_sees_nothing_of_it() -> None:
    assert section.runtimes_html({"project": "default", "role": "viewer"}) == ""
