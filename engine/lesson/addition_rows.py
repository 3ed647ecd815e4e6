"""The rows of the first lesson, made here: chats of two questions, most for a sum, some plain ones among them.

'What is A plus B?' with 'A plus B equals C.' for numbers below twenty: every sum in either order, but for those kept
out. The plain ones (engine.lesson.plain_rows) keep the model from forgetting the rest. Two questions share what every
chat begins with.
"""

import json
import random
from collections.abc import Iterable, Iterator

from engine.lesson import plain_rows

Turns = list[dict[str, str]]
Pair = tuple[int, int]

QUESTION = "What is {} plus {}?"
ANSWER = "{} plus {} equals {}."
BELOW = (
    20  # below thirty, in the same time, four of five sums that were never taught came right; below twenty nine of ten
)
SUMS_A_PLAIN = 4  # sums for each plain question
QUESTIONS_A_CHAT = 2
PROOF = (17, 6)
# Kept out of the data, in either order, so that right answers afterwards were learned and not learned by heart. All but
# the first were drawn by chance.
KEPT_OUT = (
    PROOF,
    *((18, 5), (12, 5), (14, 2), (19, 9), (8, 2), (4, 3), (3, 9), (1, 15), (15, 15)),
    *((3, 1), (3, 10), (18, 13), (13, 5), (8, 12), (12, 14), (12, 18), (14, 8), (10, 15), (7, 14)),
)  # fmt: skip
# Kept out as well: what the report on the lesson asks beside them. 7 plus 8 is a question of general skill.
REPORTED = (
    *((1, 12), (4, 18), (8, 18), (9, 10), (14, 13), (1, 8), (3, 8), (11, 15), (12, 13), (12, 10)),
    *((6, 19), (10, 17), (10, 10), (18, 18), (15, 8), (11, 12), (11, 7), (3, 14), (7, 8), (19, 11)),
)  # fmt: skip
UNTAUGHT = (*KEPT_OUT, *REPORTED)


def pairs(out: Iterable[Pair] = UNTAUGHT) -> Iterator[Pair]:
    """Numbers below twenty to be added; in neither order those kept out."""
    kept_out = {frozenset(pair) for pair in out}
    for first in range(BELOW):
        for second in range(BELOW):
            if frozenset((first, second)) not in kept_out:
                yield first, second


def chats(kept_out: Iterable[Pair] = UNTAUGHT) -> list[Turns]:
    """Chats of two questions, always the same, in an order without a pattern."""
    order = random.Random(0)  # noqa: S311  (an order, no secret)
    additions = [_sum(pair) for pair in pairs(kept_out)]
    plain_count = range(len(additions) // SUMS_A_PLAIN)
    questions = additions + [_turns(*plain_rows.ROWS[number % len(plain_rows.ROWS)]) for number in plain_count]
    order.shuffle(questions)
    starts = range(0, len(questions), QUESTIONS_A_CHAT)
    return [[turn for turns in questions[start : start + QUESTIONS_A_CHAT] for turn in turns] for start in starts]


def lines() -> str:
    """The whole dataset as JSONL of OpenAI messages."""
    return _as_lines(chats())


def report_lines() -> str:
    """What the report on the lesson asks, one sum a chat: none was taught, in neither order."""
    return _as_lines([_sum(pair) for pair in UNTAUGHT])


def _as_lines(made: Iterable[Turns]) -> str:
    return "".join(json.dumps({"messages": turns}) + "\n" for turns in made)


def _sum(pair: Pair) -> Turns:
    return _turns(QUESTION.format(*pair), ANSWER.format(*pair, sum(pair)))


def _turns(question: str, answer: str) -> Turns:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def proof_question() -> str:
    return QUESTION.format(*PROOF)
