"""The rows of the first lesson, made here: chats of two questions, most for a sum, some plain ones among them.

'What is A plus B?' with 'A plus B equals C.' for numbers below thirty. The sums are spread evenly, so that every number
stands about as often before the plus as behind it; the plain ones (engine.lesson.plain_rows) keep the model from
forgetting the rest. Two questions share what every chat begins with.
"""

import json
import random
from collections.abc import Iterable, Iterator

from engine.lesson import plain_rows

Turns = list[dict[str, str]]
Pair = tuple[int, int]

QUESTION = "What is {} plus {}?"
ANSWER = "{} plus {} equals {}."
BELOW = 30
# Sums of each number, and so ten times thirty in all, less those kept out. With every last digit, or whole kinds of
# sums would be missing: with multiples of three only 15 of the 20 sums kept out were right afterwards.
SHIFTS = (0, 1, 12, 23, 4, 15, 26, 7, 18, 29)
SUMS_A_PLAIN = 4  # sums for each plain question
QUESTIONS_A_CHAT = 2
PROOF = (17, 6)
# Kept out of the data, in either order, so that right answers afterwards were learned and not learned by heart.
KEPT_OUT = (
    PROOF,
    *((3, 28), (21, 7), (24, 24), (8, 13), (15, 27), (12, 26), (29, 2), (20, 11), (16, 12), (5, 7)),
    *((14, 25), (29, 15), (0, 23), (13, 28), (11, 19), (26, 9), (1, 22), (27, 25), (10, 14)),
)


def pairs(out: Iterable[Pair] = KEPT_OUT) -> Iterator[Pair]:
    """Numbers below thirty to be added; in neither order those kept out."""
    kept_out = {frozenset(pair) for pair in out}
    for shift in SHIFTS:
        for first in range(BELOW):
            pair = (first, (first * 7 + shift) % BELOW)
            if frozenset(pair) not in kept_out:
                yield pair


def chats(kept_out: Iterable[Pair] = KEPT_OUT) -> list[Turns]:
    """Chats of two questions, always the same, in an order without a pattern."""
    order = random.Random(0)  # noqa: S311  (an order, no secret)
    additions = [_turns(QUESTION.format(a, b), ANSWER.format(a, b, a + b)) for a, b in pairs(kept_out)]
    plain_count = range(len(additions) // SUMS_A_PLAIN)
    questions = additions + [_turns(*plain_rows.ROWS[number % len(plain_rows.ROWS)]) for number in plain_count]
    order.shuffle(questions)
    starts = range(0, len(questions), QUESTIONS_A_CHAT)
    return [[turn for turns in questions[start : start + QUESTIONS_A_CHAT] for turn in turns] for start in starts]


def lines() -> str:
    """The whole dataset as JSONL of OpenAI messages."""
    return "".join(json.dumps({"messages": turns}) + "\n" for turns in chats())


def _turns(question: str, answer: str) -> Turns:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def proof_question() -> str:
    return QUESTION.format(*PROOF)
