"""Live charts of a run's metrics.

The element `<ts-chart>` (app/static/chart.js and what stands beside it) loads BokehJS when there is something to draw,
fetches the points with a cursor, and every point of a stretch that is zoomed into. Zoom, smoothing and axis stay.
"""

from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

Series = tuple[str, str]
"""A metric's name and the words for it, such as ("eval_loss", "held-out")."""


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


def element(title: str, series: Sequence[Series], run_id: str = "", height: int = 260, plain: bool = False) -> Markup:
    """The chart alone, to stand inside other HTML. `plain` leaves out its heading and controls."""
    names, words = zip(*series, strict=True)
    return _chart(f"{run_id or 'page'}-{names[0]}", title, names, words, (run_id,), height, plain)


def of_runs(title: str, metric: str, runs: Sequence[tuple[str, str]], height: int = 260) -> Markup:
    """One metric of several runs, (id, name), in one chart; the n-th run has the n-th colour (--ts-series-n)."""
    ids, words = zip(*runs, strict=True)
    return _chart(f"runs-{metric}", title, (metric,), words, ids, height, False)


def _chart(  # noqa: PLR0913  (all that the element is told)
    id: str, title: str, names: Sequence[str], words: Sequence[str], runs: Sequence[str], height: int, plain: bool
) -> Markup:
    """Names of runs and metrics may hold any sign but a line's end, so that parts them."""
    return Markup(
        '<ts-chart data-keep id="ts-chart-{}" title="{}" metrics="{}" labels="{}" run="{}" height="{}"{}>'
        '<div class="ts-skeleton" style="height:{}px"></div></ts-chart>'
    ).format(
        id, title, "\n".join(names), "\n".join(words), "\n".join(runs), height,
        Markup(" plain") if plain else "", height,
    )  # fmt: skip
