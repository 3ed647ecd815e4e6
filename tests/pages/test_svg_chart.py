"""Charts that are drawn on the server: every point within the drawing, figures that fit, nothing but text in words."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pages.parts import svg_chart

NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), NUMBERS), max_size=30))
def test_whatever_the_values_are_every_point_lies_within_the_drawing(points: list[tuple[int, float]]) -> None:
    drawn = svg_chart.chart("Loss", [("training", sorted(points))])
    for path in re.findall(r'class="lv-line"[^>]* d="M([^"]*)"', drawn):
        for across, down in re.findall(r"(-?[\d.e+]+) (-?[\d.e+]+)", path.replace("L", " L ")):
            assert -4 <= float(across) <= 1004
            assert -1 <= float(down) <= 1001
    assert "nan" not in drawn.partition("<svg")[2]


def test_the_figures_at_the_edge_are_round_and_enclose_the_values() -> None:
    drawn = svg_chart.chart("Loss", [("training", [(1, 0.13), (300, 2.07)]), ("held out", [(100, 1.0)])])
    assert re.findall(r'<span style="top:[\d.]+%">([^<]+)</span>', drawn) == ["0", "0.5", "1", "1.5", "2", "2.5"]
    assert "<span>1</span><span>step 300</span>" in drawn
    assert drawn.count('class="lv-line"') == 2


def test_without_a_point_it_says_so_and_a_single_one_is_seen() -> None:
    assert "No points yet" in svg_chart.chart("Loss", [("training", [(1, float("nan"))])])
    assert re.search(r'd="M-3\.0 [\d.]+L3\.0 [\d.]+"', svg_chart.chart("Loss", [("training", [(7, 1.0)])]))


def test_titles_and_labels_are_text() -> None:
    drawn = svg_chart.chart('<b onload="x">', [("<i>", [(1, 1.0)])])
    assert "<b onload" not in drawn
    assert "&lt;i&gt;" in drawn


def test_the_points_stand_in_a_table_behind_a_fold_of_many_some_with_the_first_and_the_last() -> None:
    few = svg_chart.chart("Loss", [("training", [(1, 0.5), (2, 0.25)]), ("held out", [(2, 1.0)])])
    assert '<th scope="row">1</th><td>0.500</td><td>–</td>' in few
    assert '<th scope="row">2</th><td>0.250</td><td>1.000</td>' in few
    many = svg_chart.chart("Loss", [("training", [(step, 1.0) for step in range(1, 1001)])])
    steps = re.findall(r'<th scope="row">([\d,]+)</th>', many)
    assert (len(steps), steps[0], steps[-1]) == (svg_chart.MOST_ROWS, "1", "1,000")
