"""The score of a dataset: 100 minus the points its findings cost.

A check costs its weight times the square root of the share of rows it found: 1 % of the rows costs a tenth of the
weight, a quarter of them half, all of them the whole. A dataset with a finding never has 100.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.rows.health.checks import CHECKS

BEST = 100


@dataclass(frozen=True)
class Part:
    """What one check found. `share` is of all rows, `points` what it takes from the score."""

    check: str
    found: int
    share: float
    points: float
    ignored: bool
    applies: bool
    note: str
    details: dict[str, int]


def parts(counted: Mapping[str, Mapping[str, Any]], rows: int, ignored: Collection[str] = ()) -> list[Part]:
    """One a check, those that cost most first. `counted` is what the worker left: found, applies, note, details."""
    scored = [_part(name, counted.get(name, {}), rows, name in ignored) for name in CHECKS]
    return sorted(scored, key=lambda part: (-part.points, -part.found))


def _part(name: str, counted: Mapping[str, Any], rows: int, ignored: bool) -> Part:
    rows_found = int(counted.get("found", 0))
    share = rows_found / rows if rows else 0.0
    points = 0.0 if ignored else round(CHECKS[name].weight * math.sqrt(share), 1)
    applies, note = bool(counted.get("applies", False)), str(counted.get("note", ""))
    return Part(name, rows_found, share, points, ignored, applies, note, dict(counted.get("details", {})))


def overall(parts: Collection[Part]) -> int:
    """0 to 100."""
    lost = sum(part.points for part in parts)
    score = max(0, round(BEST - lost))
    flawed = any(part.found and not part.ignored for part in parts)
    return min(score, BEST - 1) if flawed else score
