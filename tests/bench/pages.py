"""Every page, fragment and list with far too much in the database: `python -m tests.bench.pages [--studio DIR] ...`.

Makes a home with 10,000 runs (600 of them queued, the device busy), 500 datasets, 1,000,000 points, 500 evaluations,
300 versions of a model, 2,000 snippets, 500 sweeps of 20 trials and more (`Sizes`, `MoreSizes`), starts the studio on
it and lets 30 clients ask for everything in turn for 30 seconds, each with a pause between two requests as somebody
who looks and clicks; one more client renames a run twice a second. Prints milliseconds by address: p50, p95 and the
longest; before that, what a kept-alive connection waits for when nobody else asks.

`--studio` names another checkout, to compare with an older version. Budget: p95 under 200 ms for every address, aim
50; p50 of a kept-alive answer 2 ms. Means something on an idle machine only.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp

from tests import fixed_reports, recorded_sweep
from tests.bench import addresses, big_proof
from tests.bench.big_home import Sizes
from tests.bench.big_proof import RUN, MoreSizes
from tests.bench.spine import ROOT, TOKEN, Studio, until

LOG_LINES, LOG_WORDS = 100_000, "words " * 40  # about 26 MB
KEPT_ALIVE = ("/api/health", "/fragments/frame/activity")
Times = dict[str, list[float]]
Pause = Callable[[], Awaitable[None]]


def every_address(dataset: str) -> list[str]:
    """What the clients ask for, in the order of the window, then REST."""
    fragments = (*addresses.FRAGMENTS, *addresses.OF_FOLDERS)
    every = [*(f"/{page}" for page in addresses.PAGES), *(f"/fragments/{one}" for one in fragments)]
    return [*every, *(f"/api/{one}" for one in (*addresses.LISTS, *addresses.OF_POINTS)), *addresses.of_rows(dataset)]


def make_home(home: Path, studio: Path, sizes: Sizes, more: MoreSizes) -> None:
    """The database, by that checkout's own tables; the run that is looked at has a long log."""
    environment = os.environ | {"TUNESMITH_HOME": str(home), "PYTHONPATH": str(studio), "PYTHONDONTWRITEBYTECODE": "1"}

    def fill(script: str, argument: str) -> None:
        argv = [sys.executable, str(Path(__file__).with_name(script)), argument]
        subprocess.run(argv, check=True, cwd=studio, env=environment)

    fill("big_home.py", json.dumps(asdict(sizes)))
    looks = big_proof.looks_of(fixed_reports.succeeded(), Path(recorded_sweep.__file__).with_suffix(".json"))
    asked = {"sizes": asdict(more), "looks": asdict(looks), "runs": sizes.runs, "models": sizes.models}
    (home.parent / "more.json").write_text(json.dumps(asked), encoding="utf-8")
    fill("big_proof.py", str(home.parent / "more.json"))
    folder = home / "runs" / RUN
    folder.mkdir(parents=True)
    with (folder / "output.log").open("w", encoding="utf-8") as log:
        log.writelines(f"step {line}: loss 1.25, {LOG_WORDS}\n" for line in range(LOG_LINES))


def bring_in(studio: Studio, folder: Path) -> str:
    """The id of a small dataset with rows to look at, imported and checked."""
    file = folder / "questions.jsonl"
    rows = ({"prompt": f"What is {n} plus 1?", "completion": f"{n} plus 1 equals {n + 1}."} for n in range(500))
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    dataset = studio.ready(f"datasets/{studio.post('datasets', {'source': 'path', 'id': str(file)})['id']}")
    until(lambda: studio.get(f"datasets/{dataset}/health")["status"] == "succeeded", every=0.5)
    return dataset


async def ask(http: aiohttp.ClientSession, times: Times, address: str, **body: Any) -> None:
    """One request, its time kept under its address."""
    began = time.perf_counter()
    async with http.request("PATCH" if body else "GET", address, **body) as answer:
        text = await answer.read()
        if answer.status != 200:
            raise SystemExit(f"{address}: {answer.status} {text[:300]!r}")
    times[address if not body else f"PATCH {address}"].append(time.perf_counter() - began)


async def kept_alive(http: aiohttp.ClientSession, times: Times, requests: int = 300) -> None:
    """One client, one connection, nobody else."""
    for address in KEPT_ALIVE:
        for _ in range(requests):
            await ask(http, times, address)


async def drive(http: aiohttp.ClientSession, times: Times, every: list[str], asked: argparse.Namespace) -> None:
    """So many clients for so many seconds, each through all addresses in an order of its own, and one that writes."""
    until_then = time.monotonic() + asked.seconds

    async def pause() -> None:
        await asyncio.sleep(asked.pause * random.uniform(0.5, 1.5))

    async def reader(seed: int) -> None:
        order = random.Random(seed).sample(every, len(every))
        await pause()
        while time.monotonic() < until_then:
            address = order.pop(0)
            order.append(address)
            await ask(http, times, address)
            await pause()

    async def writer() -> None:
        for number in range(10**9):
            if time.monotonic() > until_then:
                return
            await ask(http, times, f"/api/runs/{RUN}", json={"name": f"renamed {number}"})
            await asyncio.sleep(0.5)

    await asyncio.gather(writer(), *(reader(number) for number in range(asked.clients)))


async def measure(studio: Studio, dataset: str, asked: argparse.Namespace) -> None:
    idle: Times = defaultdict(list)
    busy: Times = defaultdict(list)
    every = every_address(dataset)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"authorization": f"Bearer {TOKEN}"}
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(
        str(studio.http.base_url), connector=connector, headers=headers, timeout=timeout
    ) as http:
        for address in every:  # what is made once, such as compiled templates, is made now
            await ask(http, defaultdict(list), address)
        await kept_alive(http, idle)
        await drive(http, busy, every, asked)
    table("one client, kept alive", idle, list(idle))
    slowest_first = sorted(busy, key=lambda address: -p(busy[address], 95))
    table(f"{asked.clients} clients, {asked.seconds} s, pause {asked.pause} s", busy, slowest_first)


def p(seconds: list[float], percent: int) -> float:
    """A percentile, in milliseconds."""
    return 1000 * (
        statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] if len(seconds) > 1 else seconds[0]
    )


def table(title: str, times: Times, order: list[str]) -> None:
    print(f"\n{title:70} {'requests':>9} {'p50':>8} {'p95':>8} {'max':>8}")
    for address in order:
        found = times[address]
        print(f"{address:70} {len(found):9} {p(found, 50):8.1f} {p(found, 95):8.1f} {1000 * max(found):8.1f}")
    every = [one for found in times.values() for one in found]
    print(f"{'all':70} {len(every):9} {p(every, 50):8.1f} {p(every, 95):8.1f} {1000 * max(every):8.1f}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--studio", type=Path, default=ROOT, help="the checkout whose studio is measured")
    arguments.add_argument("--clients", type=int, default=30)
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--pause", type=float, default=0.5, help="seconds between two requests of a client")
    for name, value in (asdict(Sizes()) | asdict(MoreSizes())).items():
        arguments.add_argument(f"--{name}", type=int, default=value)
    asked = arguments.parse_args()
    sizes = Sizes(**{name: getattr(asked, name) for name in asdict(Sizes())})
    more = MoreSizes(**{name: getattr(asked, name) for name in asdict(MoreSizes())})
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_home(home, asked.studio.resolve(), sizes, more)
        studio = Studio(str(home), asked.studio.resolve())
        try:
            until(studio.answers)
            asyncio.run(measure(studio, bring_in(studio, Path(folder)), asked))
        finally:
            studio.close()


if __name__ == "__main__":
    main()
