"""Nectar's preferences: several answers with ranks, of which the best stands against the worst."""

from engine.data import parts
from engine.data.kinds import preference, ranks
from engine.data.verdict import Format, Parts, Row


def _fits(row: Row, found: Parts) -> bool:
    return ranks.is_ranked(row[found["answers"]])


FORMAT = Format(
    name="preference_ranked",
    kind="preference",
    columns="`prompt` and `answers` (or `completions`, `responses`): a list of answers with `answer` and `rank` (1 is "
    "the best) or `score`; the best is chosen, the worst rejected",
    example={
        "prompt": "What is the capital of France?",
        "answers": [{"answer": "Lyon.", "rank": 2}, {"answer": "Paris.", "rank": 1}],
    },
    parts={"prompt": parts.PROMPTS, "answers": ("answers", "completions", "responses"), **parts.BESIDE},
    needs=(("prompt", "answers"),),
    read=preference.read,
    fits=_fits,
)
