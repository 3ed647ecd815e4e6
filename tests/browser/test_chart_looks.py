"""How charts look and what they tell: axes, outliers, bands, the cursor, the table, the files; and how much is sent."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Position, expect

from storage import db, runs
from storage.statuses import RunStatus
from storage.tables import Run
from tests.browser.conftest import Open
from tests.browser.stored_runs import add_curves, add_points, add_run

pytestmark = pytest.mark.browser
LONG = 100_000
MOST_BYTES = 150_000


def spiky(step: int) -> float:
    return 100.0 if step == 50 else 1 + step % 7 / 10


def drawn_run(name: str, steps: int = 100, status: RunStatus = RunStatus.STOPPED) -> str:
    run_id = add_run(name, status)
    curves: dict[str, Callable[[int], float]] = {
        "loss": spiky,
        "grad_norm": float,
        "num_tokens": lambda step: step * 1000.0,
        "wall_time": lambda step: 5000.0 + step * 60,
    }
    add_curves(run_id, curves, steps, 5000.0)
    return run_id


def chart_of(page: Page, title: str) -> Locator:
    chart = page.locator("ts-chart").filter(has=page.get_by_role("heading", name=title, exact=True))
    chart.scroll_into_view_if_needed()
    chart.locator(".ts-plot canvas").first.wait_for()
    return chart


def test_the_look_stands_in_the_address_and_a_link_shows_the_same(visit: Open, at_home: Path) -> None:
    run_id = drawn_run("looks")
    page = visit(f"/runs?run={run_id}&tab=charts")
    chart = chart_of(page, "Loss")
    page.get_by_role("slider", name="Smoothing").fill("0.8")
    page.get_by_role("combobox", name="Over").select_option("tokens")
    page.get_by_role("button", name="Log axis").click()
    page.get_by_role("button", name="Clip outliers").click()
    expect(page).to_have_url(re.compile(r"(?=.*smooth=0\.8)(?=.*scale=log)(?=.*x=tokens)(?=.*clip=1)"))
    page.reload()
    chart = chart_of(page, "Loss")
    expect(chart).to_contain_text("1 point lies above or below.")
    shown = chart.evaluate("({ drawing: { look, x, y } }) => ({ ...look, start: x.start, end: x.end, top: y.end })")
    assert (shown["weight"], shown["log"], shown["kind"], shown["clip"]) == (0.8, True, "tokens", True)
    assert (shown["start"], shown["end"]) == (1000, 100_000)
    assert shown["top"] < 20, "the one point of 100 is out of sight"


def test_a_chart_over_time_counts_from_the_start_of_the_run(visit: Open, at_home: Path) -> None:
    run_id = drawn_run("over time")
    page = visit(f"/runs?run={run_id}&tab=charts&x=time")
    chart = chart_of(page, "Loss")
    expect(chart).to_have_attribute("data-points", "100")
    assert chart.evaluate("({ drawing: { x } }) => [x.start, x.end]") == [60, 6000]


def test_without_times_a_chart_says_that_it_stays_over_steps(visit: Open, at_home: Path) -> None:
    run_id = add_run("of an older studio", RunStatus.STOPPED, points=30)
    chart = chart_of(visit(f"/runs?run={run_id}&tab=charts&x=time"), "Loss")
    expect(chart).to_contain_text("Over steps: no times are known.")
    assert chart.evaluate("({ drawing: { x } }) => [x.start, x.end]") == [1, 30]


def test_a_zoom_over_steps_fetches_its_detail_though_times_were_asked_for(visit: Open, at_home: Path) -> None:
    run_id = add_run("long, of an older studio", RunStatus.STOPPED, points=9000)
    chart = chart_of(visit(f"/runs?run={run_id}&tab=charts&x=time"), "Loss")
    expect(chart).to_contain_text("Over steps: no times are known.")
    assert int(str(chart.get_attribute("data-points"))) < 9000
    chart.evaluate("(chart) => chart.zoomTo(400, 500)")
    chart.page.wait_for_function("(chart) => chart.curves[0].detail", arg=chart.element_handle())
    steps = chart.evaluate("({ curves: [{ detail }] }) => detail.steps")
    assert steps == list(range(400, 501))


def test_steps_that_a_resumed_run_does_anew_are_drawn_as_they_are_now(visit: Open, at_home: Path) -> None:
    run_id = add_run("goes back", RunStatus.RUNNING, points=30)
    page = visit(f"/runs?run={run_id}&tab=charts")
    chart = chart_of(page, "Loss")
    expect(chart).to_have_attribute("data-points", "30")

    def goes_on(step: int) -> None:
        with db.session() as session:
            session.get_one(Run, run_id).step = step
            runs.add_metrics(session, [(run_id, "loss", step, 7.0 + step)])
        page.evaluate("tunesmith.refresh()")

    drawn = "({ curves: [{ steps, ys }] }) => steps.map((step, at) => [step, ys[at]]).filter(([, y]) => y > 7)"
    for step, sevens in ((21, 1), (22, 2), (25, 3), (31, 4)):  # back to a checkpoint, and past where it was
        goes_on(step)
        page.wait_for_function(
            "([chart, count]) => chart.curves[0].ys.filter((y) => y > 7).length === count",
            arg=[chart.element_handle(), sevens],
        )
    assert chart.evaluate(drawn) == [[21, 28], [22, 29], [25, 32], [31, 38]]
    expect(chart).to_have_attribute("data-points", "31")


def test_twenty_runs_share_the_points_of_one_chart(visit: Open, at_home: Path) -> None:
    ids = [add_run(f"number {number}", RunStatus.STOPPED, points=1500) for number in range(20)]
    page = visit(f"/runs?compare={','.join(ids)}")
    chart = chart_of(page, "Loss")
    page.wait_for_function("(chart) => chart.curves.every(({ steps }) => steps.length)", arg=chart.element_handle())
    assert 20 * 250 < int(str(chart.get_attribute("data-points"))) <= 12_000


def test_one_cursor_reads_every_chart_at_the_same_step(visit: Open, at_home: Path) -> None:
    page = visit(f"/runs?run={drawn_run('pointed at')}&tab=charts")
    norm, loss = chart_of(page, "Gradient norm"), chart_of(page, "Loss")
    loss.scroll_into_view_if_needed()
    box = loss.locator(".ts-plot").bounding_box()
    assert box
    height = loss.evaluate("one => one.offsetHeight")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    expect(loss.locator(".ts-cursor")).to_be_visible()
    expect(norm.locator(".ts-cursor")).to_be_visible()
    step = norm.locator(".ts-chart-legend b").inner_text()
    assert 40 < float(step) < 65
    expect(loss.locator(".ts-chart-legend small")).to_have_text(f"step {float(step):.0f}")
    assert loss.evaluate("one => one.offsetHeight") == height, "nothing moves under the pointer"


def test_bands_are_drawn_and_named_on_the_chart_of_their_metric(visit: Open, at_home: Path) -> None:
    page = visit(f"/runs?run={drawn_run('found')}&tab=charts")
    loss, norm = chart_of(page, "Loss"), chart_of(page, "Gradient norm")
    give_bands = """(chart) => chart.setAttribute("bands", JSON.stringify(
        [{ metric: "loss", from: 45, to: 55, severity: "warning", title: "<b>It</b> jumped." }]))"""
    loss.evaluate(give_bands)
    norm.evaluate(give_bands)
    expect(loss.get_by_role("button", name="<b>It</b> jumped. steps 45 to 55")).to_be_visible()
    shown = "({ drawing: { bands } }) => bands.map(({ left, right }) => [left, right])"
    assert loss.evaluate(shown) == [[44.5, 55.5]]
    assert norm.evaluate(shown) == []
    loss.get_by_role("button", name="jumped").click()
    expect(loss).to_have_attribute("data-zoom", "35 65")


def test_a_table_a_picture_and_a_csv_hold_what_is_drawn(visit: Open, at_home: Path, tmp_path: Path) -> None:
    page = visit(f"/runs?run={drawn_run('files')}&tab=charts")
    loss = chart_of(page, "Loss")
    loss.get_by_role("button", name="as a table").click()
    expect(loss.get_by_role("row", name="50 100.0")).to_be_visible()
    expect(loss.get_by_role("caption")).to_have_text("Loss: 100 steps.")
    with page.expect_download() as saved:
        loss.get_by_role("button", name="as PNG").click()
    assert saved.value.suggested_filename.endswith("-loss.png")
    saved.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes()[:4] == b"\x89PNG"
    with page.expect_download() as saved:
        loss.get_by_role("button", name="as CSV").click()
    saved.value.save_as(tmp_path / "points.csv")
    assert (tmp_path / "points.csv").read_text().splitlines()[:2] == ["step,loss", "1,1.1"]
    with page.expect_download() as saved:
        page.get_by_role("link", name="All metrics as CSV").click()
    saved.value.save_as(tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text().startswith("step,grad_norm,loss,num_tokens,wall_time\n1,1.0,1.1,1000.0,")


def test_a_new_metric_gets_its_chart_and_the_others_stay_as_they_are(visit: Open, at_home: Path) -> None:
    run_id = drawn_run("grows")
    page = visit(f"/runs?run={run_id}&tab=charts")
    loss = chart_of(page, "Loss")
    loss.evaluate("chart => { chart.mine = true; chart.zoomTo(20, 40); }")
    add_curves(run_id, {"eval_loss": float, "entropy": float}, 100)
    page.evaluate("tunesmith.refresh()")
    chart_of(page, "Entropy")
    expect(loss).to_contain_text("held out")
    expect(loss).to_have_attribute("data-points", "200")
    assert loss.evaluate("chart => [chart.mine, chart.zoom]") == [True, [20, 40]]


def test_a_hundred_thousand_points_are_few_bytes_and_a_zoom_shows_each(visit: Open, at_home: Path) -> None:
    run_id = add_run("very long", RunStatus.STOPPED)
    add_points(run_id, 1, LONG)
    page = visit("/runs")
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(size_of(request)) if "/curves?" in request.url else None)
    page.goto(f"{page.url}?run={run_id}&tab=charts")
    chart = chart_of(page, "Loss")
    expect(chart).to_have_attribute("data-points", re.compile(r"^\d{3,4}$"))
    page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < MOST_BYTES
    chart.evaluate("chart => chart.zoomTo(50_000, 50_400)")
    page.wait_for_function(
        """() => { const { xs } = document.querySelector("ts-chart").curves[0];
                   return xs.filter((x) => x >= 50_000 && x <= 50_400).length === 401; }"""
    )


def size_of(request: object) -> int:
    return int(request.sizes()["responseBodySize"])  # type: ignore[attr-defined]


DRAWN = """({ drawing: { figure, x, y, host } }) => ({
    axis: figure.left[0].axis_label, x: [x.start, x.end], y: [y.start, y.end], height: host.clientHeight,
})"""


def test_values_that_are_no_numbers_one_point_and_extremes_are_drawn_or_said(visit: Open, at_home: Path) -> None:
    run_id = add_run("odd", RunStatus.STOPPED)
    odd = {
        "loss": [(1, 1.5)],
        "learning_rate": [(1, math.inf), (2, -math.inf)],
        "entropy": [(1, 1e308), (2, -1e308), (3, 2.0)],
        "kl": [(1, 1e-320), (2, 0.0)],
        "grad_norm": [(1, 1.0), (2, math.inf), (3, 3.0)],
    }
    with db.session() as session:
        runs.add_metrics(session, [(run_id, name, *point) for name, points in odd.items() for point in points])
    page = visit(f"/runs?run={run_id}&tab=charts")
    loss, entropy, kl = (chart_of(page, name) for name in ("Loss", "Entropy", "KL divergence from the reference"))
    rate = page.locator("ts-chart").filter(has=page.get_by_role("heading", name="Learning rate"))
    expect(rate.get_by_text("Nothing to draw: no value is a number")).to_be_visible()
    expect(rate.locator(".ts-chart-legend")).to_contain_text("no number")
    expect(entropy).to_contain_text("2 points are left out: not a number, or too large to draw.")
    expect(chart_of(page, "Gradient norm")).to_contain_text("1 point is left out")
    assert loss.evaluate(DRAWN) == {
        "axis": "Loss",
        "x": [0, 2],
        "y": [pytest.approx(1.35), pytest.approx(1.65)],
        "height": 210,
    }
    assert entropy.evaluate(DRAWN)["y"] == [pytest.approx(1.8), pytest.approx(2.2)]
    assert kl.evaluate(DRAWN) | {"x": []} == {"axis": "KL divergence", "x": [], "y": [-1, 1], "height": 210}
    page.get_by_role("button", name="Log axis").click()
    expect(kl).to_contain_text("Most values are 0 or below")
    page.goto(page.url.replace("tab=charts", "tab=overview"))
    assert chart_of(page, "Loss").evaluate("one => one.height") == 280


def test_charts_are_moved_by_keys_and_by_dragging_and_stay_so_for_every_run(visit: Open, at_home: Path) -> None:
    names = ("loss", "mean_token_accuracy", "perplexity")
    run_id, other = (add_run(name) for name in ("arranged", "arranged alike"))
    for one in (run_id, other):
        add_curves(one, {name: float for name in names}, steps=20)
    page = visit(f"/runs?run={run_id}&tab=charts")
    page.set_viewport_size({"width": 1360, "height": 1200})  # nothing is scrolled under a drag
    quality = page.locator(".ts-chart-group").first
    heads = quality.locator("h2")
    expect(heads).to_have_text(["Loss", "Token accuracy", "Perplexity"])
    perplexity, loss = chart_of(page, "Perplexity"), chart_of(page, "Loss")
    expect(perplexity).to_have_attribute("data-points", "20")
    perplexity.evaluate("chart => chart.zoomTo(5, 10)")
    handle = page.get_by_role("button", name="Move Perplexity")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    expect(heads).to_have_text(["Loss", "Perplexity", "Token accuracy"])
    expect(handle).to_be_focused()
    expect(page.locator("#ts-chart-moved")).to_have_text("Perplexity: 2 of 3")
    behind: Position = {"x": 400, "y": 60}  # the right half
    page.get_by_role("button", name="Move Loss").drag_to(quality.locator("ts-chart").last, target_position=behind)
    expect(heads).to_have_text(["Perplexity", "Token accuracy", "Loss"])
    assert (perplexity.get_attribute("data-zoom"), loss.get_attribute("data-points")) == ("5 10", "20")
    page.goto(page.url.replace(run_id, other))
    expect(heads).to_have_text(["Perplexity", "Token accuracy", "Loss"])
    page.get_by_role("button", name="Usual order").click()
    expect(heads).to_have_text(["Loss", "Token accuracy", "Perplexity"])
