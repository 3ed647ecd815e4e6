"""The Sweeps page in a real browser, on a recorded sweep of 60 trials: read, drawn, narrowed, saved, used."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlmodel import select

from engine.sweeps import deleting
from storage import db
from storage.tables import Sweep
from tests import recorded_sweep
from tests.browser.conftest import Open, Studio, go
from tests.browser.stored_runs import add_run
from tests.browser.test_small_windows import COVERED, OVERLAPPING, TOO_WIDE
from tests.pages.sweeps.test_page import by_taste

pytestmark = pytest.mark.browser


@pytest.fixture
def sweep(at_home: Path) -> Iterator[str]:
    """The recorded sweep, of a model and a dataset that are there; no sweep stays."""
    add_run("any run")
    picture = recorded_sweep.picture()
    recipe = picture.spec.recipe | {"model_id": "m1", "dataset_id": "d1"}
    spec = picture.spec.model_copy(update={"recipe": recipe})
    yield recorded_sweep.store(picture.model_copy(update={"spec": spec}))
    with db.reading() as session:
        left = session.exec(select(Sweep.id)).all()
    for sweep_id in left:
        deleting.free(deleting.delete(sweep_id))


def chart(page: Page, kind: str) -> Locator:
    """The chart of that kind once it is drawn."""
    element = page.locator(f'ts-sweep-chart[kind="{kind}"]').first
    element.scroll_into_view_if_needed()
    expect(element.locator(".sw-frame canvas").first).to_be_visible()
    expect(element).to_have_attribute("data-drawn", "yes")
    return element


def drag(page: Page, plot: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place of a plot to another, in shares of its width and height."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + begin[0] * box["width"], box["y"] + begin[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=5)
    page.mouse.up()


def test_a_sweep_is_found_read_and_its_best_settings_fill_the_train_form(visit: Open, sweep: str) -> None:
    page = visit("/sweeps")
    page.get_by_role("link", name="support answers, first sweep").click()
    expect(page.locator(".sw-best")).to_contain_text("1.188")
    expect(page.get_by_text("-0.059 against the start. That is more than chance.")).to_be_visible()
    history = chart(page, "history")
    expect(history).to_contain_text("3 values far out are drawn at the edge.")
    expect(history).to_contain_text("Left out: 4 failed, 2 refused.")
    expect(chart(page, "importance")).to_contain_text("From 54 trials", timeout=60_000)
    history.get_by_role("button", name="Points of History as a table").click()
    expect(history.locator(".ts-chart-table tbody tr")).to_have_count(63)
    expect(history.locator(".ts-chart-table tbody tr").nth(45)).to_contain_text("yes")
    page.get_by_role("link", name="Use these settings").click()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("0.000785641")


def test_lines_are_narrowed_by_a_drag_along_an_axis_and_charts_are_saved(
    visit: Open, sweep: str, tmp_path: Path
) -> None:
    page = visit(f"/sweeps?sweep={sweep}&tab=charts")
    parallel = chart(page, "parallel")
    expect(parallel).to_contain_text("Left out: 11 pruned, 4 failed, 2 refused.")
    drag(page, parallel.locator(".sw-frame"), (0.88, 0.70), (0.92, 0.84))
    remark = parallel.get_by_text(re.compile(r"^\d+ of 43 trials pass"))
    expect(remark).to_be_visible()
    kept = int((remark.text_content() or "").split()[0])
    assert 0 < kept < 43
    parallel.get_by_role("button", name="as a table").click()
    expect(parallel.locator(".ts-chart-table tbody tr")).to_have_count(kept)
    parallel.get_by_role("button", name="Reset zoom").click()
    expect(parallel.get_by_text("Drag along an axis")).to_be_visible()
    by_keyboard(page, parallel)
    contour = chart(page, "contour")
    contour.get_by_label("Up").select_option(label="LoRA dropout")
    expect(page).to_have_url(re.compile("contour-y=2"))
    with page.expect_download() as download:
        contour.get_by_role("button", name="Save Contour of two fields as PNG").click()
    assert download.value.suggested_filename == "support-answers-first-sweep-contour.png"
    download.value.save_as(tmp_path / "contour.png")
    assert (tmp_path / "contour.png").read_bytes().startswith(b"\x89PNG")
    for kind in ("slice", "timeline"):
        expect(chart(page, kind).get_by_role("button", name=re.compile("as PNG"))).to_be_visible()


def by_keyboard(page: Page, parallel: Locator) -> None:
    """Limits written into the fields keep what a drag would, and an empty field lets all through again."""
    parallel.get_by_text("Limits in numbers").press("Enter")
    done = [one for one in recorded_sweep.picture().trials if (one.phase, one.state) == ("search", "complete")]
    kept = sum(2e-4 <= float(str(trial.params["learning_rate"])) <= 1e-3 for trial in done)
    parallel.get_by_label("Learning rate from").fill("0.0002")
    page.keyboard.press("Tab")
    parallel.get_by_label("Learning rate to").fill("0.001")
    page.keyboard.press("Tab")
    expect(parallel.get_by_text(f"{kept} of 43 trials pass")).to_be_visible()
    expect(parallel.get_by_label("Learning rate from")).to_have_value("0.0002")
    for end in ("from", "to"):
        parallel.get_by_label(f"Learning rate {end}").fill("")
        page.keyboard.press("Tab")
    expect(parallel.get_by_text("Drag along an axis")).to_be_visible()


def test_a_point_says_which_trial_it_is_and_leads_to_its_run(visit: Open, sweep: str) -> None:
    page = visit(f"/sweeps?sweep={sweep}&tab=charts")
    timeline = chart(page, "timeline")
    box = timeline.locator(".sw-frame").bounding_box()
    assert box is not None
    for share in range(60, 200, 4):  # the first trial's bar is at the top left
        page.mouse.move(box["x"] + share, box["y"] + 12)
        if timeline.locator(".sw-read a").count():
            break
    expect(timeline.locator(".sw-read")).to_contain_text("Trial 0 complete: Loss on the held-out rows 1.247")
    expect(timeline.locator(".sw-read a")).to_have_attribute("href", "/runs?run=run000recorded")


def test_trials_are_filtered_sorted_and_taken_away(visit: Open, sweep: str) -> None:
    page = visit(f"/sweeps?sweep={sweep}&tab=trials")
    rows = page.locator(".sw-trials tbody tr")
    expect(rows).to_have_count(63)
    page.get_by_role("link", name="Failed 4").click()
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("out of memory")
    page.get_by_role("link", name="All 63").click()
    expect(rows).to_have_count(63)
    page.get_by_role("link", name="Loss on the held-out rows").click()
    expect(rows.first).to_contain_text("45 with another seed")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().count("\n") == 64


def test_two_answers_are_compared_and_the_better_one_is_picked(visit: Open, sweep: str, studio: Studio) -> None:
    page = visit(f"/sweeps?sweep={by_taste(2)}&tab=answers")
    expect(page.locator(".rn-answers .rn-said")).to_have_count(4)
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_text("Kept: trial 0 over trial 1.")).to_be_visible()
    expect(page.get_by_text("1 pick.")).to_be_visible()
    go(page, f"{studio.url}/sweeps?sweep=swtaste&tab=trials")
    expect(page.locator(".sw-trials tbody tr").first).to_contain_text("0.528")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_covered_or_too_wide_on_a_phone(visit: Open, sweep: str, studio: Studio, theme: str) -> None:
    page = visit("/sweeps", width=390, theme=theme)
    for tab in ("overview", "charts", "trials"):
        go(page, f"{studio.url}/sweeps?sweep={sweep}&tab={tab}")
        expect(page.locator(".sw-head")).to_be_visible()
        for script in (TOO_WIDE, OVERLAPPING, COVERED):
            assert page.evaluate(script) == [], tab
