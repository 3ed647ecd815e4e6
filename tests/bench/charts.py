"""Charts of a long run in Chromium: `python -m tests.bench.charts [--points 100000] [--rounds 5] [--runs 20]`.

Makes a run with ten metrics of that many points each and opens its charts. Prints the bytes that came over the wire,
and for the loss chart the milliseconds from the answer to the picture, once with everything built anew and once as a
new point comes, and how many of them the browser computed (on a busy machine the rest is waiting); the same of so many
runs of that many points beside each other in one chart. Then a training with a fake worker: the seconds from the moment
its worker wrote a point to the moment it is drawn. Budget: 150 kB a chart, 200 ms, 2 s. Means something on an idle
machine only.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Locator, Page, Request, sync_playwright
from sqlalchemy import text

from storage import db
from storage import runs as stored_runs
from storage.statuses import RunStatus
from storage.tables import Dataset, Model
from tests.browser import chromium
from tests.browser.conftest import TOKEN, running
from tests.browser.stored_runs import add_run
from tests.browser.test_survival import start_run
from tests.conftest import CHROMIUM_FLAGS
from tests.waiting import wait_for

NAMES = ("loss", "eval_loss", "learning_rate", "grad_norm", "entropy", "num_tokens", "mean_token_accuracy", "epoch",
         "tokens_per_second", "wall_time")  # fmt: skip
ANEW = """async (chart) => {
  const { drawing } = chart;
  drawing.figure = null;
  const began = performance.now();
  await chart.draw();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}"""
ONE_MORE = """async (chart) => {
  const curve = chart.curves[0];
  curve.whole.steps.push(curve.whole.steps.at(-1) + 1);
  curve.whole.ys.push(curve.whole.ys.at(-1));
  const began = performance.now();
  curve.join();
  chart.update();
  await chart.draw();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}"""
ALONE = """async (id) => {
  const points = document.querySelector("ts-chart").asked;
  const address = `/api/runs/${id}/curves?name=loss&name=eval_loss&max_points=${points}`;
  const began = performance.now();
  const size = (await (await fetch(address)).blob()).size;
  const { encodedBodySize } = performance.getEntriesByName(new URL(address, location.href).href)[0];
  return `${encodedBodySize} bytes (${size} unpacked), ${Math.round(performance.now() - began)} ms`;
}"""
WATCH = """() => {
  window.seen = [];
  const chart = document.querySelector("ts-chart");
  const look = () => {
    const xs = chart.drawing.lines?.[0].source.data.x ?? [];
    const step = xs[xs.length - 1];
    if (step && step !== window.seen.at(-1)?.[0]) window.seen.push([step, Date.now() / 1000]);
    requestAnimationFrame(look);
  };
  look();
}"""
AGAIN = """INSERT INTO metric (run_id, name, step, value) SELECT :other, name, step, value + :shift FROM metric
WHERE run_id = :run AND name = :name AND step > :after AND step <= :until"""
SUMMED_UP = """INSERT INTO metric_summary
(run_id, name, last, last_step, least, least_step, greatest, greatest_step)
SELECT :other, name, last + :shift, last_step, least + :shift, least_step, greatest + :shift, greatest_step
FROM metric_summary WHERE run_id = :run AND name = :name"""
WATCHED_SECONDS = 12
AT_ONCE = 20_000  # points that are written together


@contextmanager
def opened(url: str) -> Iterator[tuple[Page, list[int]]]:
    """A signed-in page of a browser, and the sizes of the answers with curves that it gets."""
    sizes: list[int] = []

    def keep(request: Request) -> None:
        if "/curves?" in request.url:
            sizes.append(request.sizes()["responseBodySize"])

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1360, "height": 860})
        page.goto(f"{url}/?token={TOKEN}")
        page.on("requestfinished", keep)
        yield page, sizes
        browser.close()


def long_run(url: str, run_id: str, rounds: int) -> None:
    with opened(url) as (page, sizes):
        page.goto(f"{url}/runs?run={run_id}&tab=charts")
        page.wait_for_function("document.querySelector('ts-chart')?.drawing?.view")
        page.wait_for_load_state("networkidle")
        print(f"in sight at first: {len(sizes)} requests, {sum(sizes):,} bytes")
        chart = page.locator("ts-chart").first
        print(f"the loss chart alone: {page.evaluate(ALONE, run_id)}")
        for name, script in (("built anew", ANEW), ("one more point", ONE_MORE)):
            took, busy = zip(*(timed(page, chart, script) for _ in range(rounds)), strict=True)
            print(f"{name}: {_spread(took, 'ms')}; of the browser's own time {_spread(busy, 'ms')}")
        count = page.locator("ts-chart").count()
        for at in range(count):
            page.locator("ts-chart").nth(at).scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")
        print(f"all {count} charts: {len(sizes)} requests, {sum(sizes):,} bytes")


def compared(url: str, ids: Sequence[str], rounds: int) -> None:
    """Runs beside each other, in one chart."""
    with opened(url) as (page, sizes):
        page.goto(f"{url}/runs?compare={','.join(ids)}")
        chart = page.locator("ts-chart").first
        chart.scroll_into_view_if_needed(timeout=300_000)
        drawn = "document.querySelector('ts-chart')?.curves?.every(({ steps }) => steps.length)"
        page.wait_for_function(drawn, timeout=300_000)
        page.wait_for_load_state("networkidle", timeout=300_000)
        points = chart.get_attribute("data-points")
        print(f"{len(ids)} runs in a chart: {len(sizes)} requests, {sum(sizes):,} bytes, {points} points drawn")
        for name, script in (("built anew", ANEW), ("one more point", ONE_MORE)):
            took, busy = zip(*(timed(page, chart, script) for _ in range(rounds)), strict=True)
            print(f"{name}: {_spread(took, 'ms')}; of the browser's own time {_spread(busy, 'ms')}")


def timed(page: Page, chart: Locator, script: str) -> tuple[float, float]:
    """Milliseconds until the picture stands, and those that the page's thread was at work meanwhile."""
    meter = page.context.new_cdp_session(page)
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        found = meter.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(one["value"]) for one in found if one["name"] == "TaskDuration")

    before = busy()
    took = float(chart.evaluate(script))
    return took, busy() - before


def live_run(url: str, home: Path, run_id: str) -> None:
    with opened(url) as (page, _sizes):
        page.goto(f"{url}/runs?run={run_id}")
        page.wait_for_function("document.querySelector('ts-chart')?.drawing?.view")
        page.evaluate(WATCH)
        page.wait_for_timeout(WATCHED_SECONDS * 1000)
        seen: list[tuple[int, float]] = page.evaluate("window.seen")[1:]
    said = map(json.loads, (home / "runs" / run_id / "events.jsonl").read_text().splitlines())
    written = {event["step"]: event["at"] for event in said if event["kind"] == "step"}
    steps = sorted(written)
    waited = []
    before = seen[0][0]
    for step, at in seen[1:]:  # the first point that this picture brought has waited longest
        first_new = next(one for one in steps if one > before)
        waited.append(at - written[first_new])
        before = step
    print(f"from the worker's line to the screen, oldest new point: {_spread(waited, 's')}")


def _spread(values: Sequence[float], unit: str) -> str:
    return f"median {statistics.median(values):.3g} {unit}, worst {max(values):.3g} {unit} of {len(values)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=20, help="beside each other; 0 leaves that out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"FAKE_STEPS": "100000", "FAKE_PAUSE": "0.05", "FAKE_SAVE": "100000"}
        with running(Path(folder), "tests.browser.studio", settings=settings) as studio:
            os.environ["TUNESMITH_HOME"] = str(studio.home)
            subprocess.run([sys.executable, "-m", "tests.tiny", f"{folder}/model"], check=True)
            run_id = add_run("long", RunStatus.STOPPED)
            make_ready(f"{folder}/model")
            store(run_id, given.points)
            long_run(studio.url, run_id, given.rounds)
            if given.runs:
                ids = [add_run(f"number {number}", RunStatus.STOPPED) for number in range(given.runs)]
                for shift, each in enumerate(ids, 1):
                    store_again(run_id, each, given.points, shift / 10)
                compared(studio.url, ids, given.rounds)
            live_id = start_run(studio)
            live_run(studio.url, studio.home, live_id)
            stop(studio.url, live_id)


def stop(url: str, run_id: str) -> None:
    """Its worker would outlive the studio."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        client.post(f"/api/runs/{run_id}/stop").raise_for_status()
        wait_for(lambda: client.get(f"/api/runs/{run_id}").json()["status"] == "stopped", 60)


def make_ready(model_path: str) -> None:
    """So that the fake worker may be started on them."""
    with db.session() as session:
        model, dataset = session.get_one(Model, "m1"), session.get_one(Dataset, "d1")
        model.path, model.trainable, model.has_chat_template, model.context_length = model_path, True, True, 512
        dataset.kind, dataset.accepted, dataset.rows = "chat", 9, 9


def store(run_id: str, points: int, names: Sequence[str] = NAMES) -> None:
    """Metrics of as many points each: a curve that falls, with noise and a few spikes."""
    noise = random.Random(0)
    for name in names:
        rows = [
            (run_id, name, step, 2 * math.exp(-step * 5 / points) + noise.random()) for step in range(1, points + 1)
        ]
        for at in range(0, points, AT_ONCE):  # the studio wants to write too
            with db.session() as session:
                stored_runs.add_metrics(session, rows[at : at + AT_ONCE])


def store_again(run_id: str, other_id: str, points: int, shift: float) -> None:
    """The loss of a run as that of another one, moved by `shift`: written by SQLite alone, in a tenth of the time."""
    given = {"run": run_id, "other": other_id, "shift": shift, "name": "loss"}
    for at in range(0, points, AT_ONCE):
        with db.session() as session:
            session.connection().execute(text(AGAIN), given | {"after": at, "until": at + AT_ONCE})
    with db.session() as session:
        session.connection().execute(text(SUMMED_UP), given)


if __name__ == "__main__":
    main()
