"""Many streams a second at the gateway, each read to its end: what came, who said it, and whether it was all."""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
import orjson

WORDS = 20  # of an answer; the fake server takes 20 ms a word


@dataclass
class Streams:
    """How the streams ended: by who answered; what went wrong, in words; and how long the slowest one waited."""

    answered: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    sent: int = 0


class Load:
    """Streams at a constant rate, whatever becomes of those before, from `start` to `stop`."""

    def __init__(self, url: str, model: str, a_second: float) -> None:
        self._url, self._model, self._pause = f"{url}/chat/completions", model, 1 / a_second
        self.streams = Streams()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            due = time.monotonic()
            while not self._stop.is_set():
                group.create_task(self._one(session))
                due += self._pause
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _one(self, session: aiohttp.ClientSession) -> None:
        body = {"model": self._model, "stream": True, "messages": [{"role": "user", "content": f"count {WORDS}"}]}
        self.streams.sent += 1
        began = time.monotonic()
        try:
            async with session.post(self._url, json=body) as answer:
                text = await answer.read()
                self._judge(answer.status, text)
        except aiohttp.ClientError as error:
            self.streams.wrong[type(error).__name__] += 1
        self.streams.longest_seconds = max(self.streams.longest_seconds, time.monotonic() - began)

    def _judge(self, status: int, text: bytes) -> None:
        if status != 200:
            self.streams.wrong[f"{status} {text[:100]!r}"] += 1
            return
        events = [line.removeprefix(b"data: ") for line in text.split(b"\n") if line.startswith(b"data: ")]
        if events[-1:] != [b"[DONE]"]:
            self.streams.wrong[f"torn: {events[-1:]}"] += 1
            return
        parts = [orjson.loads(event)["choices"][0]["delta"]["content"].strip() for event in events[:-1]]
        whos = {part.partition(":")[0] for part in parts}
        if len(whos) != 1 or [part.partition(":")[2] for part in parts] != [str(n) for n in range(WORDS)]:
            self.streams.wrong[f"mixed or short: {parts}"] += 1
            return
        self.streams.answered[whos.pop()] += 1
