"""Nectar's preferences: several answers with ranks, of which the best is compared with the worst."""

from engine.rows.kinds import preference, ranked, row_parts
from engine.rows.verdict import Format, Parts, Row


def _fits(row: Row, parts: Parts) -> bool:
    return ranked.is_ranked(row[parts["answers"]])


FORMAT = Format(
    name="preference_ranked",
    kind="preference",
    columns="`prompt` (or `context`) and `answers` (or `completions`, `responses`): a list of answers with `answer` "
    "and `rank` (the lowest is the best) or `score`; the best is chosen, the worst rejected",
    example={
        "prompt": "What is the capital of France?",
        "answers": [{"answer": "Lyon.", "rank": 2}, {"answer": "Paris.", "rank": 1}],
    },
    parts={
        "prompt": (*row_parts.PROMPTS, "context"),
        "answers": ("answers", "completions", "responses"),
        **row_parts.BESIDE,
    },
    needs=(("prompt", "answers"),),
    read=preference.read,
    fits=_fits,
)
