"""A few streams a second of real answers, each read to its end: whether it was whole, and whose words it had.

    python -m tests.vllm.streams URL MODEL [--rate 1] [--seconds 60]

URL is a running studio whose token or key is in TUNESMITH_TOKEN. Prints how the streams ended.
"""

import argparse
import asyncio
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

QUESTIONS = tuple(f"What is {a} plus {b}?" for a, b in ((17, 6), (24, 13), (8, 31), (45, 12)))
TOKENS = 8


@dataclass
class Streams:
    """How the streams ended: the texts for each question, what went wrong in words, and the longest one."""

    texts: dict[str, Counter[str]] = field(default_factory=lambda: {question: Counter() for question in QUESTIONS})
    wrong: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    longest_seconds: float = 0.0

    def whole(self) -> int:
        return sum(sum(texts.values()) for texts in self.texts.values())

    def mixed(self, *versions: dict[str, str], first: int = 6) -> list[tuple[str, str]]:
        """Answers that no version has begun so. Only the first letters count: what is computed beside other answers
        is rounded otherwise, so that a word later on may differ."""
        begun = {question: {version[question][:first] for version in versions} for question in QUESTIONS}
        return [(q, text) for q, texts in self.texts.items() for text in texts if text[:first] not in begun[q]]

    def of(self, version: dict[str, str]) -> int:
        """How many are word for word that version's."""
        return sum(texts[version[question]] for question, texts in self.texts.items())


class Load:
    """Streams at a constant rate, whatever becomes of those before, from the beginning of the block to its end."""

    def __init__(self, url: str, model: str, a_second: float, key: str = "") -> None:
        self._url, self._model, self._pause, self._key = f"{url}/v1/chat/completions", model, 1 / a_second, key
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
        async with _session(self._key) as http, asyncio.TaskGroup() as group:
            due = time.monotonic()
            while not self._stop.is_set():
                group.create_task(self._one(http, QUESTIONS[self.streams.sent % len(QUESTIONS)]))
                self.streams.sent += 1
                due += self._pause
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _one(self, http: aiohttp.ClientSession, question: str) -> None:
        began = time.monotonic()
        try:
            text, wrong = await stream(http, self._url, self._model, question)
        except (aiohttp.ClientError, TimeoutError, LookupError, ValueError) as error:
            text, wrong = "", type(error).__name__
        self.streams.longest_seconds = max(self.streams.longest_seconds, time.monotonic() - began)
        if wrong:
            self.streams.wrong[wrong] += 1
        else:
            self.streams.texts[question][text] += 1


def _session(key: str) -> aiohttp.ClientSession:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    timeout = aiohttp.ClientTimeout(total=900)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers, timeout=timeout)


async def stream(http: aiohttp.ClientSession, url: str, model: str, question: str) -> tuple[str, str]:
    """The text of one streamed answer, and what is wrong with it."""
    body = {"model": model, "temperature": 0, "max_tokens": TOKENS, "ignore_eos": True, "stream": True}
    asked: dict[str, Any] = {**body, "messages": [{"role": "user", "content": question}]}
    async with http.post(url, json=asked | {"stream_options": {"include_usage": True}}) as answer:
        content = await answer.read()
    if answer.status != 200:
        return "", f"{answer.status} {content[:200]!r}"
    events = [line[6:].strip() for line in content.split(b"\n") if line.startswith(b"data: ")]
    if events[-1:] != [b"[DONE]"]:
        return "", f"torn: {events[-1:]}"
    chunks = [orjson.loads(event) for event in events[:-1]]
    if errors := [chunk["error"] for chunk in chunks if "error" in chunk]:
        return "", f"error: {errors[0]}"
    if len({chunk["id"] for chunk in chunks}) != 1 or {chunk["model"] for chunk in chunks} != {model}:
        return "", f"mixed: {[(chunk['id'], chunk['model']) for chunk in chunks]}"
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    tokens, reason = chunks[-1]["usage"]["completion_tokens"], [choice.get("finish_reason") for choice in choices][-1]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    return text, "" if (tokens, reason) == (TOKENS, "length") else f"short: {tokens} tokens, {reason}"


def version(url: str, model: str, key: str = "") -> dict[str, str]:
    """What a model answers now, by question: asked one after the other, when nobody else asks."""

    async def answers() -> dict[str, str]:
        async with _session(key) as http:
            found = {
                question: await stream(http, f"{url}/v1/chat/completions", model, question) for question in QUESTIONS
            }
        assert not any(wrong for _text, wrong in found.values()), found
        return {question: text for question, (text, _wrong) in found.items()}

    return asyncio.run(answers())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--rate", type=float, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with Load(given.url, given.model, given.rate, os.environ["TUNESMITH_TOKEN"]) as load:
        threading.Event().wait(given.seconds)
    print(load.streams)


if __name__ == "__main__":
    main()
