"""How many rows a report asks, and how long that takes: known before it begins, from sizes alone.

The same model, rows and kind of device give the same number, whatever else the machine does: a clock that ends the
work would give another result each time.
"""

import math
from collections.abc import Sequence

MINUTES = 5  # that the answers of both sides take, about
FEWEST, MOST = 40, 500  # rows: fewer prove nothing, more are hardly ever needed
SHORTEST, LONGEST = 48, 512  # tokens that an answer may have
LONGER, SPARE = 1.5, 16  # than nearly all of the expected ones, so that a long answer shows as one
NEARLY_ALL = 0.95
START_SECONDS = 20  # libraries, weights, the questions of general skill
# Tokens a second of all answers together, of a model of a thousand million parameters: measured with the starter model
# on two cores, and taken down for models that are read from memory once a token.
CPU_SPEED, GPU_SPEED = 50.0, 2500.0
USUAL_PARAMETERS = 1_000_000_000  # of a model that does not say


def longest_answer(expected_tokens: Sequence[int]) -> int:
    """Tokens that an answer may have, from those of the expected ones."""
    ordered = sorted(expected_tokens)
    if not ordered:
        return LONGEST
    usual = ordered[min(len(ordered) - 1, math.floor(NEARLY_ALL * len(ordered)))]
    return max(SHORTEST, min(LONGEST, math.ceil(LONGER * usual) + SPARE))


def rows_for(rows: int, tokens: int, parameters: int | None, on_cpu: bool) -> int:
    """How many of so many rows are asked, when an answer may have so many tokens."""
    allowed = MINUTES * 60 * _speed(parameters, on_cpu) / (2 * tokens)
    return min(rows, max(FEWEST, min(MOST, math.floor(allowed))))


def seconds_for(rows: int, tokens: int, parameters: int | None, on_cpu: bool) -> float:
    """How long the answers of both sides take at most, about."""
    return round(START_SECONDS + 2 * rows * tokens / _speed(parameters, on_cpu))


def _speed(parameters: int | None, on_cpu: bool) -> float:
    of_a_thousand_million = CPU_SPEED if on_cpu else GPU_SPEED
    return of_a_thousand_million * 1e9 / max(1_000_000, parameters or USUAL_PARAMETERS)
