"""Several answers to one question, each with a rank: the best is compared with the worst."""

import math
from typing import Any

from engine.rows.turns import cells
from engine.rows.verdict import Rejection

TEXTS = ("answer", "response", "completion", "output", "content", "text", "messages")
RANKS = ("rank",)  # 1 is the best
SCORES = ("score", "overall_score", "rating")  # more is better


def is_ranked(value: Any) -> bool:
    """Whether a value is a list of answers with ranks or scores."""
    answers = cells.opened(value)
    return (
        isinstance(answers, list) and bool(answers) and isinstance(answers[0], dict) and _order(answers[0]) is not None
    )


def best_and_worst(value: Any) -> tuple[Any, Any]:
    """The two answers as they are written. Raises Rejection when the ranks tell no better from no worse."""
    answers = cells.opened(value)
    placed_answers = [_placed(answer) for answer in answers] if isinstance(answers, list) else []
    if len(placed_answers) < 2 or None in placed_answers:
        raise Rejection("no_ranks", value)
    ordered = sorted((answer for answer in placed_answers if answer is not None), key=lambda answer: answer[0])
    if ordered[0][0] == ordered[-1][0]:
        raise Rejection("no_ranks", value)
    return ordered[0][1], ordered[-1][1]


def _placed(answer: Any) -> tuple[float, Any] | None:
    """(place, answer), the best place being the lowest."""
    if not isinstance(answer, dict):
        return None
    place, key = _order(answer), cells.first(answer, TEXTS)
    return (place, answer[key]) if place is not None and key is not None else None


def _order(answer: dict[str, Any]) -> float | None:
    for names, sign in ((RANKS, 1.0), (SCORES, -1.0)):
        key = cells.first(answer, names)
        if key is not None:
            number = _number(answer[key])
            return None if number is None else sign * number
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
