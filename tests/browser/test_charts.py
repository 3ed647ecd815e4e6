"""Charts and logs of a run, and the poller behind them, in a real browser on the real server."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from storage.statuses import RunStatus
from tests.browser.conftest import Open
from tests.browser.stored_runs import add_points, add_run
from tests.waiting import wait_for

pytestmark = pytest.mark.browser


def drag(page: Page, chart: Locator, start: float, end: float) -> tuple[float, float]:
    """Zooms by dragging between two parts of the chart's width; answers with the steps then in sight."""
    chart.locator(".ts-plot canvas").first.wait_for()
    box = chart.locator(".ts-plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + 90, steps=6)
    page.mouse.up()
    expect(chart.get_by_role("button", name="Reset zoom")).to_be_visible()
    low, high = map(float, (chart.get_attribute("data-zoom") or "").split(" "))
    return low, high


def in_sight(chart: Locator) -> list[int]:
    """The steps that the chart has points of, within its zoom."""
    steps: list[int] = chart.evaluate("""chart => {
        const [low, high] = chart.zoom;
        return chart.drawing.lines[0].source.data.x.filter((step) => step >= low && step <= high);
    }""")
    return steps


def test_zoom_smoothing_and_axis_survive_new_points(visit: Open, at_home: Path) -> None:
    run_id = add_run("zoomed", points=200)
    page = visit(f"/runs?run={run_id}&tab=charts")
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", "200")
    low, high = drag(page, chart, 0.4, 0.6)
    assert 50 < low < high < 150
    page.get_by_role("slider").fill("0.9")
    page.get_by_role("button", name="Log axis").click()
    add_points(run_id, 201, 260)
    page.evaluate("tunesmith.refresh()")
    expect(chart).to_have_attribute("data-points", "260")
    assert chart.get_attribute("data-zoom") == f"{low} {high}"
    shown = chart.evaluate("({ drawing }) => [drawing.x.start, drawing.x.end, drawing.look.log, drawing.look.weight]")
    assert shown == [low, high, True, 0.9]
    chart.get_by_role("button", name="Reset zoom").click()
    assert chart.evaluate("one => [one.drawing.x.start, one.drawing.x.end]") == [1, 260]


def test_zooming_into_a_long_curve_shows_its_every_step(visit: Open, at_home: Path) -> None:
    run_id = add_run("long", RunStatus.STOPPED, points=9000)
    page = visit(f"/runs?run={run_id}")
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", re.compile(r"^[12]\d{3}$"))
    thinned = int(chart.get_attribute("data-points") or 0)
    low, high = drag(page, chart, 0.4, 0.5)
    every_step = list(range(int(low) + 1, int(high) + 1))
    assert len(every_step) > 500
    wait_for(lambda: in_sight(chart) == every_step)
    before = int(chart.get_attribute("data-points") or 0)
    add_points(run_id, 9001, 9050)
    page.evaluate("tunesmith.refresh()")
    expect(chart).to_have_attribute("data-points", str(before + 50))
    assert in_sight(chart) == every_step
    chart.get_by_role("button", name="Reset zoom").click()
    expect(chart).to_have_attribute("data-points", str(thinned + 50))
    assert chart.evaluate("one => [one.drawing.x.start, one.drawing.x.end]") == [1, 9050]


def test_a_chart_goes_on_where_the_connection_was_lost(visit: Open, at_home: Path) -> None:
    run_id = add_run("goes on", points=20)
    page = visit(f"/runs?run={run_id}")
    chart, line = page.locator("ts-chart").first, page.get_by_text("Connection lost. Retrying.")
    expect(chart).to_have_attribute("data-points", "20")
    page.context.set_offline(True)
    page.evaluate("tunesmith.refresh()")
    expect(line).to_be_visible()
    add_points(run_id, 21, 30)
    page.context.set_offline(False)
    expect(chart).to_have_attribute("data-points", "30")
    expect(line).to_be_hidden()
    expect(chart.locator(".ts-plot canvas").first).to_be_visible()


def test_a_chart_is_drawn_when_half_of_its_library_came_only_later(visit: Open, at_home: Path) -> None:
    run_id = add_run("half", points=20)
    page = visit("/runs")
    page.route("**/bokeh-api.min.js", lambda route: route.abort("internetdisconnected"), times=1)
    with page.expect_event("requestfailed", lambda request: "bokeh-api" in request.url):
        page.evaluate("id => tunesmith.go(`/runs?run=${id}`)", run_id)
    add_points(run_id, 21, 30)
    page.evaluate("tunesmith.refresh()")
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", "30")
    expect(chart.locator(".ts-plot canvas").first).to_be_visible()
    assert page.locator('script[src$="/bokeh.min.js"]').count() == 1


def test_runs_are_chosen_in_the_list_and_drawn_in_one_chart(visit: Open, at_home: Path) -> None:
    first, second = add_run("one, of two", points=20), add_run("other", points=30)
    page = visit("/runs")
    for name in ("one, of two", "other"):
        page.get_by_role("checkbox", name=f"Choose {name}").click()
        expect(page.get_by_role("checkbox", name=f"Choose {name}")).to_be_checked()
    page.get_by_role("link", name="Side by side").click()
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", "50")
    expect(chart.locator(".ts-plot canvas").first).to_be_visible()
    expect(chart.locator(".ts-chart-legend")).to_contain_text("one, of two")
    assert page.url.endswith(f"?compare={first},{second}")


def test_a_log_grows_and_keeps_its_text(visit: Open, at_home: Path) -> None:
    run_id = add_run("talks", points=1)
    log = at_home / "runs" / run_id / "output.log"
    log.parent.mkdir(parents=True)
    page = visit(f"/runs?run={run_id}&tab=log")
    box = page.locator("ts-log pre")
    expect(box).to_have_text("Nothing printed yet.")
    log.write_text("\033[32mloading\033[0m\n10%\r20%\n")
    expect(box).to_have_text("loading\n20%\n", use_inner_text=False)
    with log.open("a") as file:
        file.write("done\n")
    page.evaluate("tunesmith.refresh()")
    expect(box).to_have_text("loading\n20%\ndone\n", use_inner_text=False)


def test_a_log_is_searched_and_opened_at_its_first_error(visit: Open, at_home: Path) -> None:
    run_id = add_run("trouble", points=1)
    log = at_home / "runs" / run_id / "output.log"
    log.parent.mkdir(parents=True)
    bars = [f" {part}%|#  | {part}/100 [00:01<00:02, 1.0s/it]" for part in (10, 20, 30)]
    trouble = ["FutureWarning: <b>soon</b>", "Traceback (most recent call last):", "ValueError: too few rows"]
    log.write_text("\n".join([*(f"line {number}" for number in range(9000)), *trouble, "after", *bars]) + "\n")
    page = visit(f"/runs?run={run_id}&tab=log")
    box = page.locator("ts-log pre")
    expect(box.locator("span").last).to_have_text(bars[-1])
    expect(box.locator('[data-level="progress"]')).to_have_count(1)
    assert box.locator("span").count() <= 4000
    page.get_by_label("Search the log").fill("LINE 12")
    expect(box.locator("span")).to_have_count(111)
    expect(page.locator(".ts-log-note")).to_have_text("111 lines")
    box.locator("span").nth(1).click()
    expect(box.locator("span").first).to_have_text("line 120")
    page.get_by_role("button", name="First error").click()
    expect(box.locator("span").first).to_have_text("Traceback (most recent call last):")
    page.get_by_label("Lines").select_option("warning")
    expect(box.locator("span")).to_have_text(["FutureWarning: <b>soon</b>"])
    page.get_by_role("button", name="Back to the end").click()
    expect(box.locator("span").last).to_have_text(bars[-1])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"{run_id}.log"
    assert download.value.path().read_text() == log.read_text()


def test_a_log_is_copied_and_its_lines_wrap_as_this_browser_was_told(visit: Open, at_home: Path) -> None:
    run_id = add_run("long lines", points=1)
    log = at_home / "runs" / run_id / "output.log"
    log.parent.mkdir(parents=True)
    log.write_text("word " * 400 + "\nthe end\n")
    page = visit(f"/runs?run={run_id}&tab=log")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    box, wrap = page.locator("ts-log pre"), page.get_by_role("button", name="Wrap lines")
    expect(box.locator("span")).to_have_count(2)
    is_wide = "box => box.scrollWidth > box.clientWidth"
    assert not box.evaluate(is_wide)
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "false")
    assert box.evaluate(is_wide)
    page.reload()
    expect(wrap).to_have_attribute("aria-pressed", "false")
    expect(box.locator("span")).to_have_count(2)
    assert box.evaluate(is_wide)
    page.locator("ts-log").get_by_role("button", name="Copy").click()
    expect(page.locator("ts-log").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == log.read_text()


def test_what_is_on_its_way_for_a_run_that_was_left_is_dropped(visit: Open, at_home: Path) -> None:
    slow, quick = add_run("slow", points=30), add_run("quick", points=20)
    page = visit("/runs")
    page.route(f"**/api/runs/{slow}/curves*", lambda _route: None)  # no answer ever
    with page.expect_request(re.compile(f"{slow}/curves")):
        page.evaluate("id => tunesmith.go(`/runs?run=${id}`)", slow)
    with page.expect_event("requestfailed", lambda request: f"{slow}/curves" in request.url):
        page.evaluate("id => tunesmith.go(`/runs?run=${id}`)", quick)
    expect(page.locator("ts-chart").first).to_have_attribute("data-points", "20")
    expect(page.get_by_text("Connection lost. Retrying.")).to_be_hidden()


def test_a_hidden_tab_asks_for_nothing_until_it_is_looked_at(visit: Open, at_home: Path) -> None:
    run_id = add_run("in the background", points=20)
    page = visit("/runs")
    page.clock.install()
    page.goto(page.url + f"?run={run_id}")
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", "20")
    expect(chart.locator(".ts-plot canvas").first).to_be_visible()
    expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
    hide(page, True)
    page.wait_for_load_state("networkidle")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.clock.run_for(60_000)
    assert requested == []
    with page.expect_request(re.compile("/curves")), page.expect_request(re.compile("/fragments/runs/runs")):
        hide(page, False)


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
