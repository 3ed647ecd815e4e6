"""The Evaluate page and the report on a run's page, in a real browser: read, compared, asked, measured, taken away."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from storage import db
from storage.statuses import WorkStatus
from storage.tables import Evaluation, Run, Work
from tests.browser.conftest import Open, Studio, go
from tests.browser.test_small_windows import COVERED, OVERLAPPING, TOO_WIDE
from tests.fixed_reports import HOSTILE, hostile, no_proof, succeeded
from tests.serving import finished_run, ready_model
from tests.stored_evaluations import add, report_on

pytestmark = pytest.mark.browser


@pytest.fixture
def runs(at_home: Path) -> Iterator[tuple[Run, Run]]:
    """Two runs with their reports, and a model to compare with; no evaluation stays."""
    model = ready_model()
    Path(str(model.path), "config.json").write_text("{}")
    first, second = finished_run(model, "first-lesson"), finished_run(model, "second try")
    report_on(first.id, "first-lesson", result=succeeded(), tags=["lesson"])
    report_on(second.id, "second try", result=no_proof(subject_title="second try"))
    yield first, second
    with db.session() as session:
        for row in session.exec(select(Evaluation)).all():
            session.delete(row)


def test_a_report_is_read_on_the_runs_page_and_taken_away(visit: Open, runs: tuple[Run, Run], tmp_path: Path) -> None:
    page = visit(f"/runs?run={runs[0].id}&tab=report")
    card = page.locator("#report")
    expect(card.locator(".ev-sentence")).to_contain_text("Better. Exact match went from 5 % to 92 %")
    expect(card.locator(".ev-primary svg")).to_have_attribute("data-verdict", "better")
    card.get_by_text("How to read this").click()
    expect(card.get_by_text("about 95 would contain it")).to_be_visible()
    card.get_by_text("2 rows got worse").click()
    expect(card.locator(".ev-four").first.locator("del")).to_have_text("24")
    expect(card.locator(".ev-four").first.locator("ins")).to_have_text("22")
    with page.expect_download() as download:
        card.get_by_role("link", name="HTML").click()
    assert download.value.suggested_filename == "first-lesson.html"
    download.value.save_as(tmp_path / "report.html")
    copy = page.context.new_page()
    copy.goto(f"file://{tmp_path}/report.html")
    expect(copy.locator("h1")).to_have_text("first-lesson")
    expect(copy.locator(".verdict")).to_contain_text("Better. Exact match")
    copy.close()
    card.get_by_role("button", name="Measure again").click()
    expect(card.get_by_text("There are 2 reports on this run.")).to_be_visible(timeout=30_000)
    card.get_by_role("link", name="On the Evaluate page").click()
    expect(page.locator(".ev-pair")).to_have_text("first-lesson against tiny")


def test_evaluations_are_found_tagged_and_compared(visit: Open, runs: tuple[Run, Run]) -> None:
    page = visit("/evaluate")
    rows = page.locator(".ev-list tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("Tag", exact=True).select_option("lesson")
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="first-lesson", exact=True).click()
    page.get_by_label("Tags").fill("lesson, good")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Tags")).to_have_attribute("value", "lesson, good")
    page.get_by_role("link", name="All evaluations").click()
    expect(rows.filter(has_text="first-lesson").locator(".ts-mark")).to_have_text(["lesson", "good"])
    for name in ("first-lesson", "second try"):
        rows.filter(has_text=name).get_by_role("button", name="Choose").click()
        expect(rows.filter(has_text=name).get_by_role("button", name="Choose", pressed=True)).to_be_visible()
    page.get_by_role("link", name="Side by side").click()
    expect(page.locator(".ev-forests figure")).to_have_count(7)
    expect(page.locator(".ev-all tbody tr", has_text="Exact match")).to_contain_text("50.0 % → 55.0 %")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [line["low"] for line in lines if line["metric"] == "exact_match"] == ["0.775", "-0.1"]


def test_the_question_is_measured_and_then_answered(visit: Open, runs: tuple[Run, Run]) -> None:
    page = visit("/evaluate")
    page.get_by_text("Is A better than B?").click()
    question = page.locator("#evaluate-question")
    question.locator("select[name=a]").select_option(f"run:{runs[0].id}")
    question.locator("select[name=b]").select_option(f"run:{runs[1].id}")
    question.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("These two have not been compared yet.")).to_be_visible()
    address = page.url
    page.get_by_role("button", name="Measure them").click()
    expect(page).to_have_url(re.compile("evaluation="))
    expect(page.locator(".ts-title h2")).to_have_text("first-lesson against second try")
    expect(page.locator(".ev-sentence")).to_contain_text("Better.", timeout=30_000)
    page.goto(address)
    expect(page.get_by_text("Yes, first-lesson is better than second try.")).to_be_visible()


def test_what_the_form_may_not_compare_is_said(visit: Open, runs: tuple[Run, Run]) -> None:
    page = visit(f"/evaluate?subject=run:{runs[0].id}&against=run:{runs[0].id}")
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_text("cannot be compared with itself")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (680, 400)])
def test_small_windows_and_strangers_texts(
    visit: Open, studio: Studio, runs: tuple[Run, Run], width: int, height: int
) -> None:
    row = add(HOSTILE[:80], f"run:{runs[0].id}", result=hostile(), tags=["<u>x</u>"])
    page = visit("/evaluate", width=width)
    page.set_viewport_size({"width": width, "height": height})
    everywhere = (f"/evaluate?chosen={row.id}", f"/evaluate?evaluation={row.id}", f"/evaluate?compare={row.id}")
    for path in everywhere:
        go(page, studio.url + path)
        expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
        expect(page.get_by_text("<img src=x").first).to_be_visible()
        assert (page.evaluate(TOO_WIDE), page.evaluate(COVERED), page.evaluate(OVERLAPPING)) == ([], [], []), path
    assert page.locator(".ev-report img, .ev-list img, .ev-rows script").count() == 0
    assert page.evaluate("window.pwned") is None


def test_the_log_of_a_measurement_opens_over_its_page_and_ends_its_asking_when_it_is_closed(
    visit: Open, runs: tuple[Run, Run], at_home: Path
) -> None:
    piece = Work(id="w1", kind="evaluate", subject_id="e", key="k", spec={}, status=WorkStatus.FAILED)
    with db.session() as session:
        session.add(piece)
    row = add("of <b>no</b> use", f"run:{runs[0].id}", status=WorkStatus.FAILED, result={}, work_id="w1")
    log = at_home / "work/w1/output.log"
    log.parent.mkdir(parents=True)
    log.write_text("loading <i>weights</i>\nValueError: too large\n")
    page = visit(f"/evaluate?evaluation={row.id}")
    page.get_by_role("link", name="Log: of <b>no</b> use").click()
    dialog = page.get_by_role("dialog", name="Log: of <b>no</b> use")
    lines = dialog.locator("ts-log pre span")
    expect(lines).to_have_text(["loading <i>weights</i>", "ValueError: too large"])
    with log.open("a") as file:
        file.write("after\n")
    page.evaluate("tunesmith.refresh()")
    expect(lines.last).to_have_text("after")
    dialog.get_by_role("button", name="First error").click()
    expect(lines.first).to_have_text("ValueError: too large")
    page.keyboard.press("Escape")
    expect(page.locator("ts-log")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Log: of <b>no</b> use").click(modifiers=["Alt"])
    assert download.value.path().read_text() == log.read_text()
