"""Sums that the first lesson never teaches, in neither order: what its report asks."""

import json
import random

from engine.lesson import addition_rows
from engine.lesson.addition_rows import ANSWER, BELOW, KEPT_OUT, QUESTION, Pair

ROWS = 40  # the sums that were kept out, and others that come in no chat


def pairs() -> list[Pair]:
    """Always the same ones; each pair of numbers once."""
    taught = {frozenset(pair) for pair in addition_rows.pairs()} | {frozenset(pair) for pair in KEPT_OUT}
    numbers = range(BELOW)
    unseen = [(a, b) for a in numbers for b in numbers if a < b and frozenset((a, b)) not in taught]
    random.Random(0).shuffle(unseen)  # noqa: S311  (an order, no secret)
    swapped = [(b, a) if place % 2 else (a, b) for place, (a, b) in enumerate(unseen)]
    return [*KEPT_OUT, *swapped][:ROWS]


def lines() -> str:
    """The rows as JSONL of OpenAI messages, one question each."""
    return "".join(json.dumps({"messages": _turns(a, b)}) + "\n" for a, b in pairs())


def _turns(a: int, b: int) -> list[dict[str, str]]:
    question, answer = QUESTION.format(a, b), ANSWER.format(a, b, a + b)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
