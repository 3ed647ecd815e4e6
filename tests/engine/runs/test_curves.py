"""Long curves, thinned."""

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.runs.curves import Points, thin

POINTS = st.dictionaries(st.integers(0, 100_000), st.floats(-1e6, 1e6), max_size=400).map(lambda d: sorted(d.items()))


@given(POINTS, st.integers(3, 100))
def test_never_more_than_asked_for_always_in_order_and_nothing_invented(points: Points, most: int) -> None:
    thinned = thin(points, most)
    assert len(thinned) <= most
    assert thinned == sorted(set(thinned))
    assert set(thinned) <= set(points)
    if points:
        assert thinned[-1] == points[-1]
        assert min(v for _, v in thinned) == min(v for _, v in points)
        assert max(v for _, v in thinned) == max(v for _, v in points)


def test_a_short_curve_is_left_as_it_is() -> None:
    points = [(step, 1.0 / step) for step in range(1, 4001)]
    assert thin(points, 4000) is points


def test_a_spike_of_one_step_among_a_hundred_thousand_stays() -> None:
    points = [(step, math.sin(step / 1000)) for step in range(100_000)]
    points[54_321] = (54_321, 40.0)
    assert (54_321, 40.0) in thin(points, 4000)


def test_what_is_drawn_stays_where_it_is_while_the_curve_grows() -> None:
    points = [(step, math.sin(step)) for step in range(50_000)]
    before, after = set(thin(points, 4000)), set(thin([*points, (50_000, 0.5), (50_001, 0.1)], 4000))
    assert len(before - after) <= 1  # the last point of the shorter one


def test_two_points_are_the_least_there_can_be() -> None:
    assert len(thin([(step, float(step)) for step in range(10)], 3)) <= 3
