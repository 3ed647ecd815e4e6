"""Whether the studio's memory stays flat under a steady load: `python -m tests.load.soak [--minutes 30] [--rate 20]`.

A real studio of its own process with the small fake server behind one endpoint. So many requests a second go through
the gateway, whole and streamed, among them wrong ones and streams that the client leaves; a window asks for what an
open one asks for; every few minutes another version takes over. Each answer is checked. Prints a line a minute:
requests, memory of the app (resident, and its own alone), open files, threads; at last the slope after the warm-up.
Ends with 1 when an answer was wrong, or the memory grew by more than MOST_GROWTH.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import orjson
import psutil

from tests.browser.conftest import TOKEN, Studio, running
from tests.conftest import ROOT
from tests.waiting import wait_for

NAME, WORDS = "jokes", 20
SAMPLE_SECONDS = 10.0
MOST_GROWTH = 10.0  # MB, from the first fifth after the warm-up to the last one
WINDOW = (  # what an open window asks for, and how often in seconds
    ("/fragments/frame/activity", 1.0),
    ("/fragments/serve/endpoints", 2.0),
    ("/fragments/usage/usage", 10.0),
    ("/api/endpoints", 5.0),
    ("/api/usage?by=model", 15.0),
    ("/metrics", 15.0),
    ("/serve", 30.0),
    ("/chat", 45.0),
)


@dataclass
class Sample:
    """The app at one moment."""

    minute: float
    resident: float  # MB
    own: float  # MB that no other process shares
    files: int
    threads: int


@dataclass
class Found:
    """What came of it."""

    ended: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of the answers since the last line
    samples: list[Sample] = field(default_factory=list)
    takeovers: int = 0


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": NAME, "messages": [{"role": "user", "content": text}], **more}


async def whole(http: aiohttp.ClientSession, number: int) -> str:
    async with http.post("/v1/chat/completions", json=body(f"hello {number}")) as answer:
        text = await answer.read()
    if answer.status != 200:
        return f"whole: {answer.status} {text[:100]!r}"
    said = orjson.loads(text)["choices"][0]["message"]["content"]
    return "" if said.endswith(f"hello {number}") else f"not said: {said}"


async def streamed(http: aiohttp.ClientSession, _number: int) -> str:
    async with http.post("/v1/chat/completions", json=body(f"count {WORDS}", stream=True)) as answer:
        text = await answer.read()
    if answer.status != 200:
        return f"streamed: {answer.status} {text[:100]!r}"
    events = [line[6:] for line in text.split(b"\n") if line.startswith(b"data: ")]
    if events[-1:] != [b"[DONE]"]:
        return f"torn: {events[-1:]}"
    parts = [orjson.loads(event)["choices"][0]["delta"]["content"].strip() for event in events[:-1]]
    return "" if parts == [f"base:{place}" for place in range(WORDS)] else f"mixed or short: {parts}"


async def left(http: aiohttp.ClientSession, _number: int) -> str:
    """A client that goes away after the first words."""
    async with http.post("/v1/chat/completions", json=body(f"count {WORDS}", stream=True)) as answer:
        await answer.content.readline()
        answer.close()
    return ""


async def completed(http: aiohttp.ClientSession, number: int) -> str:
    async with http.post("/v1/completions", json={"model": NAME, "prompt": f"once {number}"}) as answer:
        text = await answer.read()
    if answer.status != 200:
        return f"completed: {answer.status} {text[:100]!r}"
    return "" if orjson.loads(text)["choices"][0]["text"].endswith(f"once {number}") else f"not said: {text!r}"


async def unknown(http: aiohttp.ClientSession, number: int) -> str:
    """A name that nobody has, another one each time."""
    async with http.post("/v1/chat/completions", json={**body("hello"), "model": f"nobody-{number}"}) as answer:
        return "" if answer.status == 404 else f"unknown: {answer.status}"


async def refused(http: aiohttp.ClientSession, number: int) -> str:
    async with http.post("/v1/chat/completions", json=body(f"hello {number}", n=99)) as answer:
        return "" if answer.status == 400 else f"refused: {answer.status}"


Ask = Callable[[aiohttp.ClientSession, int], Awaitable[str]]
MIX: tuple[Ask, ...] = (*[whole, streamed] * 8, completed, unknown, refused, left)  # twenty of them


class Soak:
    """The load on one studio, until its time is over."""

    def __init__(self, studio: Studio, http: aiohttp.ClientSession, asked: argparse.Namespace) -> None:
        self.found = Found()
        self._studio, self._http, self._asked = studio, http, asked
        self._app = psutil.Process(studio.process.pid)
        self._in_flight = 0
        self._began = time.monotonic()
        self._until = self._began + asked.minutes * 60

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(1 / self._asked.rate, self._send(group)))
            group.create_task(self._every(SAMPLE_SECONDS, self._sample))
            group.create_task(self._every(self._asked.takeover * 60, self._take_over))
            group.create_task(self._every(60, self._tell))
            for address, seconds in WINDOW:
                group.create_task(self._every(seconds, self._looks(address)))

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        due = time.monotonic()
        while (due := due + seconds) < self._until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await act()

    def _send(self, group: asyncio.TaskGroup) -> Callable[[], Awaitable[None]]:
        sent = iter(range(1 << 40))

        async def send() -> None:
            if self._in_flight < self._asked.at_once:
                number = next(sent)
                group.create_task(self._ask(MIX[number % len(MIX)], number))

        return send

    async def _ask(self, ask: Ask, number: int) -> None:
        began = time.monotonic()
        self._in_flight += 1
        try:
            wrong = await ask(self._http, number)
        except (aiohttp.ClientError, TimeoutError, LookupError, ValueError) as error:
            wrong = f"{ask.__name__}: {type(error).__name__} {error}"
        self._in_flight -= 1
        self.found.ended[ask.__name__] += 1
        if wrong:
            self.found.wrong[wrong[:200]] += 1
        elif ask is whole:
            self.found.seconds.append(time.monotonic() - began)

    def _looks(self, address: str) -> Callable[[], Awaitable[None]]:
        headers = {"authorization": f"Bearer {TOKEN}"}

        async def look() -> None:
            try:
                async with self._http.get(address, headers=headers) as answer:
                    await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError) as error:
                self.found.wrong[f"{address}: {type(error).__name__}"] += 1
                return
            self.found.ended["window"] += 1
            if status != 200:
                self.found.wrong[f"{address}: {status}"] += 1

        return look

    async def _sample(self) -> None:
        memory = await asyncio.to_thread(self._app.memory_full_info)
        minute = (time.monotonic() - self._began) / 60
        files, threads = self._app.num_fds(), self._app.num_threads()
        self.found.samples.append(Sample(minute, memory.rss / 1e6, memory.uss / 1e6, files, threads))

    async def _take_over(self) -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        try:
            async with self._http.get("/api/endpoints", headers=headers) as answer:
                [endpoint] = await answer.json()
            address = f"/api/endpoints/{endpoint['id']}/deploy"
            async with self._http.post(address, json={"options": {}}, headers=headers) as answer:
                if answer.status >= 300:
                    self.found.wrong[f"takeover: {await answer.text()}"] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.found.wrong[f"takeover: {type(error).__name__}"] += 1
        self.found.takeovers += 1

    async def _tell(self) -> None:
        last, ended = self.found.samples[-1], sum(self.found.ended.values())
        seconds, self.found.seconds = self.found.seconds or [0.0, 0.0], []
        p50, p95 = (1000 * statistics.quantiles(seconds, n=100)[place] for place in (49, 94))
        print(
            f"{last.minute:6.1f} {ended:9} {sum(self.found.wrong.values()):6} {last.resident:9.1f} {last.own:9.1f}"
            f" {last.files:6} {last.threads:8} {p50:8.1f} {p95:8.1f} {self.found.takeovers:10}",
            flush=True,
        )


def slope(samples: list[Sample]) -> float:
    """MB an hour of the app's own memory, by least squares."""
    return 60 * statistics.linear_regression([one.minute for one in samples], [one.own for one in samples]).slope


def growth(samples: list[Sample]) -> float:
    """MB between the medians of the first fifth and of the last one."""
    fifth = max(1, len(samples) // 5)
    first, last = (statistics.median(one.own for one in part) for part in (samples[:fifth], samples[-fifth:]))
    return last - first


def verdict(found: Found, warm_up: float) -> bool:
    """Prints what was found; whether all was well."""
    samples = [one for one in found.samples if one.minute >= warm_up]
    grown = growth(samples)
    print(f"\nended: {dict(found.ended)}\nwrong: {dict(found.wrong)}")
    print(
        f"after {warm_up:g} minutes: {grown:+.1f} MB (at most {MOST_GROWTH:g}), slope {slope(samples):+.1f} MB an hour,"
    )
    print(f"{1000 * grown / max(1, sum(found.ended.values())):.2f} KB a request at most,", end=" ")
    print(f"from {min(one.own for one in samples):.1f} to {max(one.own for one in samples):.1f} MB of its own")
    return not found.wrong and grown <= MOST_GROWTH


def prepare(studio: Studio, model: Path) -> str:
    """An endpoint that answers, and a key for it."""

    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=studio.url, headers=headers, timeout=60) as client:

        def post(path: str, sent: dict[str, Any]) -> Any:
            answer = client.post(path, json=sent)
            assert answer.is_success, answer.text
            return answer.json()

        added = post("/api/models", {"source": "path", "id": str(model)})
        wait_for(lambda: client.get(f"/api/models/{added['id']}").json()["status"] == "ready", 120)
        endpoint = post("/api/endpoints", {"name": NAME, "model_id": added["id"]})
        address = f"/api/endpoints/{endpoint['id']}"
        wait_for(lambda: client.get(address).json()["status"] == "ready", 120)
        limits = {"requests_per_minute": 100_000, "tokens_per_day": 10**9}
        return str(post("/api/keys", {"name": "soak", **limits})["secret"])


def put_away(studio: Studio) -> None:
    """Ends the server behind the endpoint, which would outlive the studio."""
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        for endpoint in client.get("/api/endpoints").json():
            client.delete(f"/api/endpoints/{endpoint['id']}")


async def soak(studio: Studio, secret: str, asked: argparse.Namespace) -> Found:
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=600)
    headers = {"authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(studio.url, connector=connector, timeout=timeout, headers=headers) as http:
        load = Soak(studio, http, asked)
        await load.run()
    return load.found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, words in (
        ("--minutes", 30.0, "how long"),
        ("--rate", 20.0, "requests a second through the gateway"),
        ("--at-once", 32, "requests that are out at most: a machine that cannot keep up is asked less often"),
        ("--warm-up", 5.0, "minutes that do not count"),
        ("--takeover", 3.0, "minutes from one takeover to the next"),
    ):
        parser.add_argument(name, type=type(default), default=default, help=words)
    parser.add_argument("--studio", default="tests.browser.studio", help="the module that is started")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        model = Path(folder) / "tiny"
        subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.tiny", str(model)], cwd=ROOT, check=True)
        with running(Path(folder), asked.studio) as studio:
            secret = prepare(studio, model)
            print("minute  requests  wrong  resident       own  files  threads   p50 ms   p95 ms  takeovers")
            try:
                found = asyncio.run(soak(studio, secret, asked))
            finally:
                put_away(studio)
    return 0 if verdict(found, asked.warm_up) else 1


if __name__ == "__main__":
    sys.exit(main())
