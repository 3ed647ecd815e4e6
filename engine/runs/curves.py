"""The curves of a run, thinned by the database, so that nothing a person would notice gets lost."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlmodel import Session

from storage import db, runs
from storage.runs import LAST_STEP

MOST_KEPT = 4000  # points of a curve that is kept in memory
POINTS_AT_ONCE = 5000


class Curve(NamedTuple):
    points: list[runs.Point]
    thinned: bool
    """Whether points were left out."""


class Stretch(NamedTuple):
    """One metric from step `first` to step `last`, both included."""

    name: str
    first: int = 0
    last: int = LAST_STEP


def read(run_id: str, name: str, first: int = 0, last: int = LAST_STEP, max_points: int = 4000) -> Curve:
    """One metric from step `first` to step `last`, in order; thinned when there are more than `max_points`."""
    return read_several(run_id, [Stretch(name, first, last)], max_points)[0]


def read_several(run_id: str, stretches: Sequence[Stretch], max_points: int = 4000) -> list[Curve]:
    """The same of several at once, in the order they are named."""
    with db.reading() as session:
        run = runs.get(session, run_id)
        life = None if run is None or run.ended_at is None else (run.created_at, run.attempt, run.ended_at)
        kept = life if max_points <= MOST_KEPT else None
        curve_list = [_read(session, run_id, stretch, max_points, kept is not None) for stretch in stretches]
    for at, (stretch, curve) in enumerate(zip(stretches, curve_list, strict=True)):
        if curve.thinned and kept:
            last = min(stretch.last, LAST_STEP)
            points = _thin_ended(run_id, kept, stretch.name, curve.points[0], last, max_points)
            curve_list[at] = Curve(list(points), True)
    return curve_list


def _read(session: Session, run_id: str, stretch: Stretch, max_points: int, thinned_later: bool) -> Curve:
    """With `thinned_later` only the beginning of a long curve."""
    name, first, last = stretch.name, stretch.first, min(stretch.last, LAST_STEP)
    if first > last:
        return Curve([], False)
    points = runs.curve(session, run_id, name, first, last, limit=max_points + 1)
    if len(points) <= max_points:
        return Curve(points, False)
    return Curve(points if thinned_later else _thin(session, run_id, name, points[0], last, max_points), True)


@lru_cache(maxsize=32)  # of at most MOST_KEPT points each, some 14 MB
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


def every_point(run_id: str, name: str) -> Iterator[runs.Point]:
    """Every point of a metric in order, some thousand in memory at a time and no transaction held between them."""
    first = 0
    while True:
        with db.reading() as session:
            points = runs.curve(session, run_id, name, first, limit=POINTS_AT_ONCE)
        yield from points
        if len(points) < POINTS_AT_ONCE:
            return
        first = points[-1][0] + 1
