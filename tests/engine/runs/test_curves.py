"""Long curves, thinned by the database."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event

from engine.runs import curves
from storage import db, runs
from storage.runs import Point
from storage.tables import Dataset, Metric, Model, Run

LONG = 10_000


@pytest.fixture(autouse=True)
def run(home: object) -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))


def store(points: Sequence[Point]) -> None:
    with db.session() as session:
        session.connection().execute(Metric.__table__.delete())  # type: ignore[attr-defined]
        runs.add_metrics(session, [("r1", name, *point) for name in ("eval_loss", "loss") for point in points])


def wave(steps: int) -> list[Point]:
    return [(step, math.sin(step)) for step in range(steps)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(0, 100_000), st.floats(-1e6, 1e6), max_size=300).map(lambda d: sorted(d.items())),
    st.integers(2, 100),
)
def test_never_more_than_asked_for_always_in_order_and_nothing_invented(points: list[Point], most: int) -> None:
    store(points)
    curve = curves.read("r1", "loss", max_points=most)
    assert len(curve.points) <= most
    assert curve.points == sorted(set(curve.points))
    assert set(curve.points) <= set(points)
    assert curve.thinned == (len(points) > most)
    assert [curve.points[0], curve.points[-1]] == [points[0], points[-1]] if points else curve.points == []
    if most >= 4 and points:
        assert min(value for _, value in curve.points) == min(value for _, value in points)
        assert max(value for _, value in curve.points) == max(value for _, value in points)


def test_a_short_curve_is_left_as_it_is() -> None:
    store(wave(400))
    assert curves.read("r1", "loss", max_points=400) == (wave(400), False)


def test_a_spike_of_one_step_among_many_stays() -> None:
    points = [(step, math.sin(step / 1000)) for step in range(LONG)]
    points[2_345] = (2_345, 40.0)
    points[54] = (54, math.inf)
    store(points)
    assert {(2_345, 40.0), (54, math.inf)} <= set(curves.read("r1", "loss", max_points=400).points)


def test_a_flat_curve_has_one_point_a_bin() -> None:
    store([(step, 0.5) for step in range(LONG)])
    assert len(curves.read("r1", "loss", max_points=400).points) <= 201


def test_what_is_drawn_stays_where_it_is_while_the_curve_grows() -> None:
    store(wave(LONG))
    before = set(curves.read("r1", "loss", max_points=400).points)
    store([*wave(LONG), (LONG, 0.5), (LONG + 1, 0.1)])
    after = set(curves.read("r1", "loss", max_points=400).points)
    assert len(before - after) <= 1  # the last point of the shorter one


def test_bins_double_once_the_curve_outgrows_them() -> None:
    widths = [curves.bin_width(1, last, 100) for last in (100, 101, 199, 200, 399, 400)]
    assert widths == [1, 2, 2, 4, 4, 8]
    assert curves.bin_width(1000, 1099, 100) == 1


def test_a_stretch_shows_every_point_between_its_ends() -> None:
    store(wave(LONG))
    curve = curves.read("r1", "loss", 7_000, 7_099, max_points=400)
    assert curve == (wave(LONG)[7_000:7_100], False)
    assert curves.read("r1", "loss", 9, 8) == ([], False)
    longer = curves.read("r1", "loss", 2_001, 9_002, max_points=400)
    assert longer.thinned
    assert (longer.points[0][0], longer.points[-1][0]) == (2_001, 9_002)


def test_a_long_curve_brings_few_rows_out_of_the_database() -> None:
    counts = []
    for steps in (LONG, 2 * LONG):
        store(wave(steps))
        with counting_rows() as rows:
            curves.read("r1", "loss", max_points=400)
        counts.append(len(rows))
    assert max(counts) <= 2 * 400 + 2


def test_each_point_of_a_long_curve_is_looked_at_a_few_times_only() -> None:
    store(wave(LONG))
    with counting_work() as work:
        curves.read("r1", "loss", max_points=LONG)
    whole = len(work)
    with counting_work() as work:
        curves.read("r1", "loss", max_points=400)
    assert len(work) < 5 * whole


def test_every_point_is_found_by_the_primary_key() -> None:
    store(wave(2000))
    with listening() as statements:
        curves.read("r1", "loss", max_points=400)
    statements = [statement for statement in statements if "FROM metric" in statement[0]]
    assert len(statements) == 3
    with db.reading() as session:
        for statement, values in statements:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = [step.detail for step in plan if "metric" in step.detail]
            assert steps
            assert all(step.startswith("SEARCH metric USING PRIMARY KEY (run_id=? AND name=?") for step in steps), steps


def test_the_curve_of_a_run_that_ended_is_thinned_once_until_it_goes_on() -> None:
    store(wave(LONG))
    ended(1.0)
    first = curves.read("r1", "loss", max_points=400)
    with counting_work() as work:
        assert curves.read("r1", "loss", max_points=400) == first
    with counting_work() as again:
        ended(None)
        assert curves.read("r1", "loss", max_points=400) == first
    assert len(work) < len(again) / 2
    store(wave(LONG + 7))
    ended(2.0)
    assert curves.read("r1", "loss", max_points=400).points[-1] == wave(LONG + 7)[-1]


def ended(when: float | None) -> None:
    with db.session() as session:
        run = session.get_one(Run, "r1")
        run.ended_at = when


def connection() -> Any:
    """SQLite's own connection, which the pool hands out again."""
    with db.reading() as session:
        return session.connection().connection.driver_connection


@contextmanager
def counting_rows() -> Iterator[list[Any]]:
    """Every row that leaves SQLite meanwhile."""
    rows: list[Any] = []

    def keep(_cursor: object, row: tuple[Any, ...]) -> tuple[Any, ...]:
        rows.append(row)
        return row

    sqlite = connection()
    sqlite.row_factory = keep
    yield rows
    sqlite.row_factory = None
    assert rows


@contextmanager
def counting_work() -> Iterator[list[int]]:
    """One for every hundred instructions that SQLite carries out meanwhile."""
    work: list[int] = []
    sqlite = connection()
    sqlite.set_progress_handler(lambda: work.append(1), 100)
    yield work
    sqlite.set_progress_handler(None, 0)
    assert work


@contextmanager
def listening() -> Iterator[list[tuple[str, Any]]]:
    """The questions about metrics sent meanwhile, with their values."""
    statements: list[tuple[str, Any]] = []

    def keep(_: Connection, _cursor: object, statement: str, values: object, *_rest: object) -> None:
        if "FROM metric" in statement:
            statements.append((statement, values))

    event.listen(Engine, "before_cursor_execute", keep)
    yield statements
    event.remove(Engine, "before_cursor_execute", keep)
