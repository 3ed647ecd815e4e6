"""Benchmarks as small charts: throughput and the first token against the requests at once, a line each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from engine.benchmarks import comparison
from pages.parts import html

Facts = Mapping[str, Any]
WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 26
GUIDES = 4


@dataclass(frozen=True)
class Line:
    """One benchmark in a chart: its name, and a value for each level it has."""

    name: str
    values: Mapping[str, float]


def charts(benchmarks: Sequence[Facts]) -> Markup:
    """Two charts side by side and whose line is which; nothing with fewer than two levels to draw."""
    levels = _levels(benchmarks)
    if len(levels) < 2:
        return Markup()
    drawings = html.join(
        _chart(title, unit, levels, [_line(benchmark, metric) for benchmark in benchmarks])
        for title, unit, metric in (("Output tokens a second", "Tokens/s", "output_throughput"),
                                    ("Time to first token, median, ms", "Milliseconds", "median_ttft_ms"))
    )  # fmt: skip
    return Markup('<div class="ts-charts">{}</div>{}').format(drawings, _legend(benchmarks))


def _levels(benchmarks: Sequence[Facts]) -> list[str]:
    """The names of all levels of any of them, by the requests at once."""
    by_name = {comparison.level_name(level): level["concurrency"] or level["rate"]
             for benchmark in benchmarks for level in benchmark["levels"]}  # fmt: skip
    return sorted(by_name, key=lambda name: float(by_name[name]))


def _line(benchmark: Facts, metric: str) -> Line:
    values = {comparison.level_name(level): level[metric] for level in benchmark["levels"]}
    return Line(benchmark["name"], {name: value for name, value in values.items() if _is_drawable(value)})


def _is_drawable(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _chart(title: str, unit: str, levels: Sequence[str], lines: Sequence[Line]) -> Markup:
    top = nice_top(max((value for line in lines for value in line.values.values()), default=1.0))
    across = {name: LEFT + (WIDTH - LEFT - RIGHT) * place / (len(levels) - 1) for place, name in enumerate(levels)}
    guides = html.join(_guide(top * place / GUIDES, top) for place in range(GUIDES + 1))
    names = html.join(_level_name(name, x) for name, x in across.items())
    drawn = html.join(_drawn(place, line, across, top) for place, line in enumerate(lines))
    return Markup(
        '<figure><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>{}{}{}</svg></figure>'
    ).format(
        title, WIDTH, HEIGHT, f"{title}, by requests at once", (HEIGHT - BOTTOM + TOP) / 2, unit, guides, names, drawn
    )


def nice_top(most: float) -> float:
    """A round number at or above the greatest value: 1, 2, 4 or 8 times a power of ten, or of a half of it."""
    size = 1.0
    while size * 10 <= most:
        size *= 10
    while size > most > 0:
        size /= 10
    return next(size * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * step >= most)


def _guide(value: float, top: float) -> Markup:
    y = _height(value, top)
    return Markup(
        '<line class="ts-guide" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"></line>'
        '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, f"{value:,.4g}")


def _level_name(name: str, x: float) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - 8, name.split(" ")[0])


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _drawn(place: int, line: Line, across: Mapping[str, float], top: float) -> Markup:
    points = [(x, _height(line.values[name], top)) for name, x in across.items() if name in line.values]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = html.join(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3"></circle>').format(x, y) for x, y in points)
    return Markup('<g data-line="{}"><polyline points="{}"></polyline>{}</g>').format(place, path, dots)


def _legend(benchmarks: Sequence[Facts]) -> Markup:
    if len(benchmarks) < 2:
        return Markup()
    names = html.join(
        Markup('<li data-line="{}"><i></i>{}</li>').format(place, benchmark["name"])
        for place, benchmark in enumerate(benchmarks)
    )
    return Markup('<ul class="ts-legend">{}</ul>').format(names)
