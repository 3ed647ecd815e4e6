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
    found = cells.opened(value)
    return isinstance(found, list) and bool(found) and isinstance(found[0], dict) and _order(found[0]) is not None


def best_and_worst(value: Any) -> tuple[Any, Any]:
    """The two answers as they are written. Raises Rejection when the ranks tell no better from no worse."""
    found = cells.opened(value)
    placed = [_placed(one) for one in found] if isinstance(found, list) else []
    if len(placed) < 2 or None in placed:
        raise Rejection("no_ranks", value)
    told = sorted((one for one in placed if one is not None), key=lambda one: one[0])
    if told[0][0] == told[-1][0]:
        raise Rejection("no_ranks", value)
    return told[0][1], told[-1][1]


def _placed(one: Any) -> tuple[float, Any] | None:
    """(place, answer), the best place being the lowest."""
    if not isinstance(one, dict):
        return None
    place, key = _order(one), cells.first(one, TEXTS)
    return (place, one[key]) if place is not None and key is not None else None


def _order(one: dict[str, Any]) -> float | None:
    for names, sign in ((RANKS, 1.0), (SCORES, -1.0)):
        key = cells.first(one, names)
        if key is not None:
            number = _number(one[key])
            return None if number is None else sign * number
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
