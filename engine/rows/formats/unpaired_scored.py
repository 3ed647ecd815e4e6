"""KTO with a score: a label when every score of the file is one of two, good or bad."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.rows.formats import unpaired
from engine.rows.turns import cells

SCORES = ("score", "reward")


def _by_file(rows: Sequence[Any]) -> bool:
    scored = [row for row in rows if isinstance(row, dict) and cells.first(row, SCORES) is not None]
    labels = {cells.yes_or_no(row.get("score", row.get("reward"))) for row in scored}
    return labels == {True, False} and len(scored) * 2 > len(rows)


FORMAT = replace(
    unpaired.FORMAT,
    name="unpaired_scored",
    columns="as unpaired, with `score` or `reward` in place of the label, when every score of the file is 0 or 1",
    example={
        "prompt": "2 + 2?",
        "completion": "5",
        "score": 0,
    },
    parts={**unpaired.FORMAT.parts, "label": SCORES},
    by_file=_by_file,
)
