"""Two ways to put a load on a server: so many requests at once, or so many a second at random moments."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate, count, takewhile

from engine.benchmarks.metrics import Answer

Ask = Callable[[int], Awaitable[Answer]]
Seen = Callable[[Sequence[Answer]], None]


async def at_once(ask: Ask, clients: int, prompts: int, seconds: float | None, seen: Seen) -> list[Answer]:
    """`prompts` requests, never more than `clients` of them at the same time; none begins after `seconds`."""
    numbers = iter(range(prompts)) if seconds is None else takewhile(_before(seconds), iter(range(prompts)))
    answers: list[Answer] = []

    async def client() -> None:
        for number in numbers:  # shared by all clients: each takes the next
            answers.append(await ask(number))
            seen(answers)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(clients, prompts)):
            group.create_task(client())
    return answers


def _before(seconds: float) -> Callable[[int], bool]:
    end = time.perf_counter() + seconds
    return lambda _number: time.perf_counter() < end


def moments(rate: float, prompts: int, seed: int) -> list[float]:
    """When each request is sent, in seconds from the start: a Poisson process of `rate` a second.

    Stretched so that the last one comes at prompts / rate, as vLLM does: chance then does not change the rate.
    """
    gaps = random.Random(seed)  # noqa: S311
    times = list(accumulate(gaps.expovariate(rate) for _ in range(prompts)))
    stretch = (prompts / rate) / times[-1]
    return [moment * stretch for moment in times]


async def at_rate(ask: Ask, sent_at: Sequence[float], seen: Seen) -> list[Answer]:
    """A request at each of the moments, however many are still unanswered."""
    answers: list[Answer] = []
    began = time.perf_counter()

    async def one(number: int, moment: float) -> None:
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        answers.append(await ask(number))
        seen(answers)

    async with asyncio.TaskGroup() as group:
        for number, moment in zip(count(), sent_at):
            group.create_task(one(number, moment))
    return answers
