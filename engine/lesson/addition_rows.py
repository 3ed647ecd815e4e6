"""The rows of the first lesson, made here: 'What is A plus B?' with 'A plus B equals C.' for numbers below fifty."""

import json
from collections.abc import Iterator

QUESTION = "What is {} plus {}?"
ANSWER = "{} plus {} equals {}."
BELOW = 50
# Kept out of the data, so that the right answer afterwards was learned and not learned by heart.
PROOF = (17, 6)


def pairs() -> Iterator[tuple[int, int]]:
    """Every pair of numbers below fifty but the proof, in either order."""
    for a in range(BELOW):
        for b in range(BELOW):
            if sorted((a, b)) != sorted(PROOF):
                yield a, b


def lines() -> str:
    """The whole dataset as JSONL of OpenAI messages."""
    return "".join(json.dumps({"messages": _turns(a, b)}) + "\n" for a, b in pairs())


def _turns(a: int, b: int) -> list[dict[str, str]]:
    question, answer = QUESTION.format(a, b), ANSWER.format(a, b, a + b)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def proof_question() -> str:
    return QUESTION.format(*PROOF)
