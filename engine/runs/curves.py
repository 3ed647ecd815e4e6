"""The curve of a metric, thinned by the database, so that nothing a person would notice gets lost."""

from functools import lru_cache
from typing import NamedTuple

from sqlmodel import Session

from storage import db, runs

LAST_STEP = 2**31 - 1
"""The greatest step the database can hold."""


class Curve(NamedTuple):
    points: list[runs.Point]
    thinned: bool
    """Whether points were left out."""


def read(run_id: str, name: str, first: int = 0, last: int = LAST_STEP, max_points: int = 4000) -> Curve:
    """One metric from step `first` to step `last`, in order; thinned when there are more than `max_points`."""
    last = min(last, LAST_STEP)
    if first > last:
        return Curve([], False)
    with db.reading() as session:
        points = runs.curve(session, run_id, name, first, last, limit=max_points + 1)
        if len(points) <= max_points:
            return Curve(points, False)
        run = runs.get(session, run_id)
        if run is None or run.ended_at is None:
            return Curve(_thin(session, run_id, name, points[0], last, max_points), True)
    life = (run.created_at, run.attempt, run.ended_at)
    return Curve(list(_thin_ended(run_id, life, name, points[0], last, max_points)), True)


@lru_cache(maxsize=8)  # of at most 20,000 points each, some 2 MB
def _thin_ended(
    run_id: str, life: tuple[float, ...], name: str, start: runs.Point, last: int, max_points: int
) -> tuple[runs.Point, ...]:
    """The same, kept while the run's `life` is the same: the curve of a run that ended is read once."""
    with db.reading() as session:
        return tuple(_thin(session, run_id, name, start, last, max_points))


def _thin(session: Session, run_id: str, name: str, start: runs.Point, last: int, max_points: int) -> list[runs.Point]:
    """The first and the last point, and the least and the greatest of each bin of steps: spikes stay visible."""
    end = runs.last_point(session, run_id, name, last)
    bins = (max_points - 2) // 2
    if bins < 1:
        return [start, end]
    width = bin_width(start[0], end[0], bins)
    return sorted({start, *runs.extremes(session, run_id, name, start[0], end[0], width), end})


def bin_width(first: int, last: int, bins: int) -> int:
    """The width at which no more than `bins` bins hold the steps from `first` to `last`.

    Bins begin at multiples of their width, a power of two, so a curve that grows keeps its bins; once it outgrows
    them, each two become one. Nothing shimmers.
    """
    width = 1
    while last // width - first // width >= bins:
        width *= 2
    return width
