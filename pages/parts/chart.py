"""Live charts of a run's metrics.

The element `<ts-chart>` (app/static/charts/) loads BokehJS when there is something to draw, fetches the points with a
cursor while it is in sight, and every point of a stretch that is zoomed into. Zoom and look stay. `<ts-chart-bar>` has
the controls of all charts of a page, which stand in the address: `smooth`, `scale`, `x`, `clip`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import unquote

import gradio as gr
from markupsafe import Markup

Series = tuple[str, str]
"""A metric's name and the words for it, such as ("eval_loss", "held-out")."""

BAR = Markup('<ts-chart-bar data-keep id="ts-chart-bar"></ts-chart-bar>')
LOOK = ("smooth", "scale", "x", "clip")
"""The parts of the address that say how charts look: a link to another view of the run may carry them."""


ORDER_COOKIE = "tunesmith_charts"
"""Titles of charts in the order somebody has moved them to in this browser: app/static/charts/move.js writes it."""
MOST_MOVED = 200


def order_of(text: str) -> list[str]:
    """The titles that the cookie holds."""
    return [unquote(part) for part in text.split("|")[:MOST_MOVED] if part]


@dataclass(frozen=True)
class Band:
    """A stretch that is marked on the chart of a metric; `title` is one sentence, `severity` info, warning or error."""

    metric: str
    first: int
    last: int
    severity: str
    title: str

    def as_json(self) -> dict[str, object]:
        named = asdict(self)
        return named | {"from": named.pop("first"), "to": named.pop("last")}


def chart(title: str, series: Sequence[Series], run_id: str = "", height: int = 260) -> gr.HTML:
    """A chart of those metrics in one card. Without a run id it follows the page's query, `?run=ID`."""
    name = series[0][0]
    return gr.HTML(
        str(element(title, series, run_id, height)),
        js_on_load=None,
        apply_default_css=False,
        elem_id=f"chart-{name}",
        elem_classes="ts-chart-holder",
    )


def element(  # noqa: PLR0913  (all that the element is told)
    title: str,
    series: Sequence[Series],
    run_id: str = "",
    height: int = 260,
    plain: bool = False,
    unit: str = "",
    axis: str = "",
    bands: Sequence[Band] = (),
) -> Markup:
    """The chart alone, to stand inside other HTML. `plain` leaves out its heading and controls.

    `unit` is one of engine.runs.metric_groups; `axis` stands at the values in place of the title. Bands of metrics that
    the chart does not draw are left out by it.
    """
    names, words = zip(*series, strict=True)
    marks = json.dumps([band.as_json() for band in bands])
    options = Markup(' unit="{}" axis="{}" bands="{}"{}').format(unit, axis, marks, Markup(" plain") if plain else "")
    return _chart(f"{run_id or 'page'}-{names[0]}", title, (names, words), (run_id,), height, options)


def of_runs(title: str, metric: str, runs: Sequence[tuple[str, str]], height: int = 260) -> Markup:
    """One metric of several runs, (id, name), in one chart; the n-th run has the n-th colour (--ts-series-n)."""
    ids, words = zip(*runs, strict=True)
    return _chart(f"runs-{metric}", title, ((metric,), words), ids, height, Markup())


def _chart(
    id: str,
    title: str,
    series: tuple[Sequence[str], Sequence[str]],
    runs: Sequence[str],
    height: int,
    options: Markup,
) -> Markup:
    """Names of runs and metrics may hold any sign but a line's end, so that parts them."""
    names, words = series
    return Markup(
        '<ts-chart data-keep data-fresh="metrics labels bands" id="ts-chart-{}" title="{}" metrics="{}" labels="{}"'
        ' run="{}" height="{}"{}><div class="ts-skeleton" style="height:{}px"></div></ts-chart>'
    ).format(id, title, "\n".join(names), "\n".join(words), "\n".join(runs), height, options, height)
