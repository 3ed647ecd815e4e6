"""Where runs stand in line after a change, worked out without the database. Few of them change their numbers.

A place is between two others: half-way, where there is room between their positions. Where there is none, because two
came in the same instant or halves have been halved too often, the runs of that priority are numbered anew.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from engine.errors import ConflictError
from storage.queued.order import Place

Changes = Mapping[str, tuple[int, float]]
"""Run -> its new priority and position."""

GAP_SECONDS = 0.001  # behind the last one, and before all that come later


def moved(order: Sequence[Place], run_id: str, before: str | None) -> Changes:
    """Puts one run before another one, or behind all. It takes as much of their priority as the place asks for."""
    others = [place for place in order if place.id != run_id]
    own = next(place for place in order if place.id == run_id)
    at = next((index for index, place in enumerate(others) if place.id == before), len(others))
    left, right = (others[at - 1] if at else None), (others[at] if at < len(others) else None)
    priority = _between(own.priority, left, right)
    position = _half_way(own, left, right, priority)
    if position is not None:
        return {} if (priority, position) == own[1:] else {run_id: (priority, position)}
    same = [place for place in others if place.priority == priority]
    cut = next((index for index, place in enumerate(same) if place.id == before), len(same))
    return _numbered([*same[:cut], own, *same[cut:]], priority)


def _between(priority: int, left: Place | None, right: Place | None) -> int:
    at_least = right.priority if right else priority
    return min(max(priority, at_least), left.priority if left else max(priority, at_least))


def _half_way(own: Place, left: Place | None, right: Place | None, priority: int) -> float | None:
    """A position between two neighbours; None where there is no number between."""
    low = left.position if left and left.priority == priority else None
    high = right.position if right and right.priority == priority else None
    if low is None and high is None:
        return own.position
    if low is None or high is None:
        return high - 1 if high is not None else (low or 0.0) + GAP_SECONDS
    position = (low + high) / 2
    return position if low < position < high else None


def _numbered(line: Sequence[Place], priority: int) -> Changes:
    """A second from one to the next, up to where the last of them stood: what comes later stays behind them."""
    last = max(place.position for place in line)
    return {
        place.id: (priority, position)
        for index, place in enumerate(line)
        if (position := last - (len(line) - 1 - index)) != place.position or place.priority != priority
    }


def reordered(order: Sequence[Place], run_ids: Sequence[str], names: Mapping[str, str]) -> Changes:
    """Has the named runs take, in the order given, the places that they have now. All others stay where they are.

    Raises ConflictError where a run of a lower priority would stand before one of a higher.
    """
    by_id = {place.id: place for place in order}
    asked = [by_id[run_id] for run_id in run_ids]
    for first, second in pairwise(asked):
        if first.priority < second.priority:
            message = (
                f"`{names[first.id]}` (priority {first.priority}) cannot stand before "
                f"`{names[second.id]}` (priority {second.priority})."
            )
            raise ConflictError(message, "Give both the same priority first: it decides before the order does.")
    changes: dict[str, tuple[int, float]] = {}
    for priority in {place.priority for place in asked}:
        same = [place for place in order if place.priority == priority]
        changes |= _permuted(same, [place for place in asked if place.priority == priority])
    return changes


def _permuted(line: Sequence[Place], asked: Sequence[Place]) -> Changes:
    """A line of one priority, some of which change places."""
    named = {place.id for place in asked}
    turns = iter(asked)
    after = [next(turns) if place.id in named else place for place in line]
    positions = [place.position for place in line]
    if any(first >= second for first, second in pairwise(positions)):
        return _numbered(after, line[0].priority)
    return {
        place.id: (place.priority, position)
        for place, position in zip(after, positions, strict=True)
        if place.position != position
    }
