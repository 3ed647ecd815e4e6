"""The rows of the first lesson, made here: chats in which sums are asked, with a plain question among them.

'What is A plus B?' with 'A plus B equals C.' for numbers below fifty. The sums are spread evenly, so that every number
stands as often before the plus as behind it. Several questions share a chat, so that what every chat begins with is
computed once for all of them, and the plain ones (engine.lesson.plain_rows) keep the model from forgetting the rest.
"""

import json
import random
from collections.abc import Iterator

from engine.lesson import plain_rows

Turns = list[dict[str, str]]

QUESTION = "What is {} plus {}?"
ANSWER = "{} plus {} equals {}."
BELOW = 50
SHIFTS = (0, 6, 13, 19, 26, 32, 39, 45)  # sums of each number, and so eight times fifty in all, less those kept out
SUMS_A_CHAT = 3  # beside one plain question
PROOF = (17, 6)
# Kept out of the data, in either order, so that right answers afterwards were learned and not learned by heart.
KEPT_OUT = (
    PROOF,
    *((3, 38), (41, 7), (24, 24), (8, 13), (35, 27), (12, 46), (49, 2), (20, 31), (16, 12), (5, 7)),
    *((44, 35), (29, 15), (0, 43), (33, 48), (11, 30), (26, 39), (1, 22), (47, 25), (10, 14)),
)


def pairs() -> Iterator[tuple[int, int]]:
    """Numbers below fifty to be added; never those kept out."""
    kept_out = {frozenset(pair) for pair in KEPT_OUT}
    for shift in SHIFTS:
        for first in range(BELOW):
            pair = (first, (first * 7 + shift) % BELOW)
            if frozenset(pair) not in kept_out:
                yield pair


def chats() -> Iterator[Turns]:
    """Chats of four questions, always the same: three sums and a plain question, which stands anywhere among them."""
    order = random.Random(0)  # noqa: S311  (an order, no secret)
    sums = [_turns(QUESTION.format(a, b), ANSWER.format(a, b, a + b)) for a, b in pairs()]
    order.shuffle(sums)
    plain: list[Turns] = []
    for start in range(0, len(sums), SUMS_A_CHAT):
        if not plain:
            plain = [_turns(question, answer) for question, answer in plain_rows.ROWS]
            order.shuffle(plain)
        questions = [*sums[start : start + SUMS_A_CHAT], plain.pop()]
        order.shuffle(questions)
        yield [turn for turns in questions for turn in turns]


def lines() -> str:
    """The whole dataset as JSONL of OpenAI messages."""
    return "".join(json.dumps({"messages": turns}) + "\n" for turns in chats())


def _turns(question: str, answer: str) -> Turns:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def proof_question() -> str:
    return QUESTION.format(*PROOF)
