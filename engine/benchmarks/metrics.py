"""What a level of a benchmark says, from the times of its answers. Names and formulas are those of `vllm bench serve`.

ttft: time to the first token. tpot: time per output token after the first, (latency - ttft) / (tokens - 1). itl: time
between two pieces of a stream. e2el: from sending a request to the last piece. All in ms; only whole answers count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

PERCENTILES = (50, 95, 99)
TIMES = ("ttft", "tpot", "itl", "e2el")
MS = 1000.0
SATURATED_GAIN = 0.05


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent and what came back. Times in seconds; `started` on the client's own clock."""

    started: float
    latency: float
    ttft: float = 0.0
    itl: tuple[float, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    counted: bool = True  # the server counted the tokens; else the pieces of the stream are counted
    error: str = ""  # its kind, such as "http 503"; empty for a whole answer
    message: str = ""  # what was said with the error

    @property
    def tpot(self) -> float:
        """0 for an answer of one token, as vLLM has it."""
        return (self.latency - self.ttft) / (self.output_tokens - 1) if self.output_tokens > 1 else 0.0


def summary(answers: Sequence[Answer], duration: float, goodput: Mapping[str, float]) -> dict[str, Any]:
    """The numbers of one level. `duration` in seconds, `goodput` as an objective in ms. Times are None without any."""
    good = [answer for answer in answers if not answer.error]
    input_tokens, output_tokens = (sum(getattr(answer, name) for answer in good) for name in _TOKENS)
    numbers: dict[str, Any] = {
        "duration": duration,
        "completed": len(good),
        "failed": len(answers) - len(good),
        "total_input_tokens": input_tokens,
        "total_output_tokens": output_tokens,
        "request_throughput": len(good) / duration,
        "request_goodput": sum(meets(answer, goodput) for answer in good) / duration if goodput else None,
        "output_throughput": output_tokens / duration,
        "total_token_throughput": (input_tokens + output_tokens) / duration,
        "max_concurrent_requests": most_at_once(good),
    }
    for name, values in _times(good).items():
        numbers |= _spread(name, values)
    return numbers | {"errors": dict(Counter(answer.error for answer in answers if answer.error))}


_TOKENS = ("prompt_tokens", "output_tokens")


def _times(answers: Sequence[Answer]) -> dict[str, list[float]]:
    return {
        "ttft": [answer.ttft for answer in answers],
        "tpot": [answer.tpot for answer in answers if answer.output_tokens > 1],
        "itl": [gap for answer in answers for gap in answer.itl],
        "e2el": [answer.latency for answer in answers],
    }


def _spread(name: str, seconds: Sequence[float]) -> dict[str, float | None]:
    names = [f"{part}_{name}_ms" for part in ("mean", "median", "std", *(f"p{share}" for share in PERCENTILES))]
    if not seconds:
        return dict.fromkeys(names)
    values = np.asarray(seconds) * MS
    percentiles = [np.percentile(values, share) for share in PERCENTILES]
    figures = (values.mean(), np.median(values), values.std(), *percentiles)
    return {name: float(value) for name, value in zip(names, figures, strict=True)}


def meets(answer: Answer, goodput: Mapping[str, float]) -> bool:
    """Whether an answer keeps every part of the objective, in ms."""
    times = {"ttft": answer.ttft, "tpot": answer.tpot, "e2el": answer.latency}
    return all(times[name] * MS <= limit for name, limit in goodput.items())


def most_at_once(answers: Sequence[Answer]) -> int:
    """The most requests that were under way in the same moment."""
    changes = sorted(
        change for answer in answers for change in ((answer.started, 1), (answer.started + answer.latency, -1))
    )
    under_way = most = 0
    for _moment, change in changes:
        under_way += change
        most = max(most, under_way)
    return most


def gain(before: float, after: float) -> float:
    """How much more output tokens a second a level gives than the one before: 0.05 is 5 %."""
    return after / before - 1 if before > 0 else float("inf") if after > 0 else 0.0


def is_broken(level: Mapping[str, Any]) -> bool:
    """Whether more requests of a level failed than were answered: the server may have died meanwhile."""
    failed, completed = sum(level["errors"].values()), level["completed"]
    return bool(failed > completed)


def saturates_at(levels: Sequence[Mapping[str, Any]]) -> int | None:
    """The requests at once above which throughput grew by less than 5 %; None while it still grew, or with a rate.

    Levels at which most requests failed say nothing of it.
    """
    for before, after in pairwise(levels):
        if before["concurrency"] and after["concurrency"] and not (is_broken(before) or is_broken(after)):
            doublings = np.log2(after["concurrency"] / before["concurrency"])
            grown = gain(before["output_throughput"], after["output_throughput"])
            if grown < (1 + SATURATED_GAIN) ** doublings - 1:  # 5 % for each doubling
                return int(before["concurrency"])
    return None
