"""Is A better than B? Answered from what was measured between the two, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.evaluate import titles
from storage import db, evaluations

Tone = Literal["good", "bad", "warn"]
ANSWERS: dict[tuple[str, bool], tuple[str, Tone]] = {
    ("better", True): ("Yes, {a} is better than {b}.", "good"),
    ("worse", True): ("No, {a} is worse than {b}.", "bad"),
    ("better", False): ("No, {b} is better than {a}.", "bad"),
    ("worse", False): ("Yes, {a} is better than {b}.", "good"),
}
UNDECIDED = "Unclear: these rows do not show whether {a} or {b} is better."


@dataclass(frozen=True)
class Said:
    """`answer` in a sentence; `proof` is the sentence of the evaluation it comes from, one of `measured`."""

    answer: str
    tone: Tone
    proof: str
    evaluation_id: str
    rows: int
    measured: int


def is_better(first: str, second: str, project_id: str) -> Said | None:
    """Whether the first subject is better than the second; None where nobody has compared them.

    Of several evaluations the one with the most rows counts, and of those the earliest: asking again until chance says
    yes proves nothing.
    """
    with db.reading() as session:
        rows = evaluations.between(session, project_id, first, second)
        called = titles.of(session, (first, second))
    if not rows:
        return None
    counts = max(rows, key=lambda row: row["rows"] or 0)  # the first of the largest
    return _said(counts, counts["subject"] == first, {"a": called[first], "b": called[second]}, len(rows))


def _said(row: Mapping[str, Any], is_forward: bool, called: Mapping[str, str], measured: int) -> Said:
    answer, tone = ANSWERS.get((row["verdict"], is_forward), (UNDECIDED, "warn"))
    return Said(answer.format(**called), tone, row["sentence"] or "", row["id"], row["rows"] or 0, measured)
