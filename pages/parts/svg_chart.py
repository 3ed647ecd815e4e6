"""A small chart drawn on the server, for a page that has no script to draw one: lines in SVG, figures beside it.

The drawing is stretched to its place, so the figures at its edges are HTML: they keep their size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pages.parts import html

Points = Sequence[tuple[int, float]]
SIZE = 1000.0  # of the drawing, in units of its own
TICKS = 4
MOST_ROWS = 40  # of the table
MOST, LEAST = 1e100, 1e-100  # beyond, differences of values overflow or vanish; no number is beyond too


@dataclass(frozen=True)
class Axis:
    """What the points lie along: its name in the table, and how a place on it is written there and at both ends."""

    name: str
    written: Callable[[int], str]
    ends: tuple[str, str] = ("{}", "{}")


STEPS = Axis("Step", "{:,}".format, ("{}", "step {}"))


def chart(
    title: str,
    series: Sequence[tuple[str, Points]],
    height: int = 180,
    along: Axis = STEPS,
    bounds: tuple[float, float] | None = None,
) -> Markup:
    """The chart in a figure. `series`: words and (place, value) points each; values that are no number are left out.

    `bounds` are the least and greatest value that are drawn, where they are known.
    """
    drawn = [(label, [point for point in points if abs(point[1]) <= MOST]) for label, points in series]
    all_points = [point for _, points in drawn for point in points]
    legend = html.join(_legend(number, label, points) for number, (label, points) in enumerate(drawn, 1))
    if not all_points:
        plot = Markup('<p class="lv-none" style="height:{}px">No points yet</p>').format(height)
        return _figure(title, legend, plot)
    first, last = min(step for step, _ in all_points), max(step for step, _ in all_points)
    low, high, marks = _scale(*(bounds or _range(all_points)))
    lines = html.join(_line(number, points, (first, last, low, high)) for number, (_, points) in enumerate(drawn, 1))
    places = [(mark, SIZE * (1 - (mark - low) / (high - low))) for mark in marks]
    grid = html.join(Markup('<path class="lv-grid" d="M0 {:.0f}H1000"/>').format(place) for _, place in places)
    figures = html.join(
        Markup('<span style="top:{:.1f}%">{}</span>').format(place / 10, _written(mark)) for mark, place in places
    )
    plot = Markup(
        '<div class="lv-plot" style="height:{}px"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}{}</svg>{}<em aria-hidden="true">{}</em></div>'
        '<div class="lv-steps"><span>{}</span><span>{}</span></div>'
    ).format(height, title, grid, lines, figures, title, *_ends(along, first, last))
    return _figure(title, legend, plot + _table(title, drawn, along))


def _range(points: Points) -> tuple[float, float]:
    return min(value for _, value in points), max(value for _, value in points)


def _ends(along: Axis, first: int, last: int) -> tuple[str, ...]:
    return tuple(words.format(along.written(place)) for words, place in zip(along.ends, (first, last), strict=True))


def _table(title: str, series: Sequence[tuple[str, Points]], along: Axis) -> Markup:
    """The points as a table behind a fold; of many, some at even distances, the first and the last among them."""
    steps = sorted({step for _, points in series for step, _ in points})
    apart = max(1.0, (len(steps) - 1) / (MOST_ROWS - 1))
    some = [steps[round(at * apart)] for at in range(min(len(steps), MOST_ROWS))]
    values = [dict(points) for _, points in series]
    head = html.join(
        Markup('<th scope="col">{}</th>').format(words) for words in (along.name, *(label for label, _ in series))
    )
    rows = html.join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            along.written(step),
            html.join(Markup("<td>{}</td>").format(html.number(of_one.get(step))) for of_one in values),
        )
        for step in some
    )
    return Markup(
        '<details><summary>Table</summary><div tabindex="0" role="region" aria-label="Points of {}"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>"
    ).format(title, head, rows)


def _figure(title: str, legend: Markup, plot: Markup) -> Markup:
    return Markup('<figure class="lv-chart"><figcaption><b>{}</b>{}</figcaption>{}</figure>').format(
        title, legend, plot
    )


def _legend(number: int, label: str, points: Points) -> Markup:
    value = html.number(points[-1][1]) if points else html.DASH
    return Markup('<span><i style="background:var(--ts-series-{})"></i>{} <b>{}</b></span>').format(
        number, label, value
    )


def _line(number: int, points: Points, frame: tuple[int, int, float, float]) -> Markup:
    first, last, low, high = frame
    width = max(1, last - first)
    places = [(SIZE * (step - first) / width, SIZE * (1 - (value - low) / (high - low))) for step, value in points]
    if len(places) == 1:
        (across, down), places = places[0], []
        places = [(across - 3, down), (across + 3, down)]
    path = "L".join(f"{across:.1f} {down:.1f}" for across, down in places)
    return Markup('<path class="lv-line" style="stroke:var(--ts-series-{})" d="M{}"/>').format(number, path)


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """The least and the greatest value that have room, and round values between them."""
    if high - low <= max(abs(high) * 1e-9, LEAST):
        low, high = (
            low - (abs(low) * 0.1 if abs(low) > LEAST else 1),
            high + (abs(high) * 0.1 if abs(high) > LEAST else 1),
        )
    step = _round_step((high - low) / TICKS)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    count = round((top - bottom) / step)
    return bottom, top, [bottom + step * number for number in range(count + 1)]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next((round_step * power for round_step in (1, 2, 2.5, 5) if round_step * power >= step), 10 * power)


def _written(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.4g}"
