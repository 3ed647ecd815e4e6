"""An interval as a small drawing: a bar against the line of no difference. Better is always on the right. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.evaluate import words

HEIGHT, MIDDLE = 20, 50.0  # pixels; per cent of the width
ROOM = 46.0  # per cent on each side of the middle
Metric = Mapping[str, Any]


def interval(metric: Metric, extent: float | None = None) -> Markup:
    """The interval of a metric; nothing where it has none. `extent`: the difference at the edge, its own when None."""
    ends = [metric[name] for name in ("low", "difference", "high")]
    if any(end is None or not math.isfinite(end) for end in ends):
        return Markup()
    edge = extent or 1.15 * extent_of([metric]) or 1.0
    sign = -1 if metric["better"] == "lower" else 1
    places = [MIDDLE + sign * ROOM * max(-1.0, min(1.0, end / edge)) for end in ends]
    return Markup(
        '<svg class="ev-interval" data-verdict="{}" width="100%" height="{}" role="img" aria-label="{}">'
        '<line class="ev-zero" x1="50%" x2="50%" y1="0" y2="100%"></line>'
        '<line class="ev-range" x1="{:.2f}%" x2="{:.2f}%" y1="50%" y2="50%"></line>{}'
        '<circle cx="{:.2f}%" cy="50%" r="4"></circle></svg>'
    ).format(
        metric["verdict"] or "", HEIGHT, _told(metric), places[0], places[2],
        Markup("").join(_end(place) for place in (places[0], places[2])), places[1],
    )  # fmt: skip


def _end(place: float) -> Markup:
    return Markup('<line class="ev-range" x1="{:.2f}%" x2="{:.2f}%" y1="28%" y2="72%"></line>').format(place, place)


def _told(metric: Metric) -> str:
    name = str(metric["name"])
    direction = {"lower": ", lower is better", "higher": ", higher is better"}.get(str(metric["better"]), "")
    return f"{words.change(name, metric['difference'])}, 95 % interval {words.interval(metric)}{direction}"


def extent_of(metrics: Sequence[Metric]) -> float:
    """The largest difference that any of these intervals reaches, either way: one scale for all of them."""
    ends = [metric[name] for metric in metrics for name in ("low", "difference", "high")]
    return max((abs(end) for end in ends if end is not None and math.isfinite(end)), default=0.0)
