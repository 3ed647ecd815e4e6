"""The charts of a run: the main ones beside its state, and every metric it has, grouped."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.recipes.methods import GENERATING
from engine.runs import metric_groups
from engine.runs.metric_groups import MetricChart
from pages.parts import chart, html
from pages.parts.chart import Band
from storage import db
from storage import runs as stored
from storage.tables import Run

MAIN = 3
MAIN_HEIGHT, HEIGHT = 280, 210
LOSS = MetricChart("quality", "Loss", "", (("loss", "training"), ("eval_loss", "held out")), "Loss")
REWARD = MetricChart("quality", "Reward", "", (("reward", "training"), ("eval_reward", "held out")), "Reward")
USUAL_ORDER = Markup('<button type="button" class="ts-button" data-usual-order>Usual order</button>')
FIRST_MOMENTS = ("learning_rate", "grad_norm")


def main(run: Run, bands: Sequence[Band] = ()) -> Markup:
    """What the method is judged by, and the two that come next: for beside the run's state."""
    first, *others = _in_order(run)
    pair = html.join(_element(run, one, HEIGHT, bands) for one in others[: MAIN - 1])
    return Markup('<div class="ts-stack">{}<div class="ts-pair">{}</div></div>').format(
        _element(run, first, MAIN_HEIGHT, bands), pair
    )


def show(run: Run, query: Mapping[str, str], bands: Sequence[Band] = ()) -> Markup:
    """Every metric, grouped, with the controls above. The charts fetch their points themselves."""
    order = chart.order_of(query.get("charts", ""))
    charts = arranged(_in_order(run), order)
    groups = html.join(
        _group(run, title, [one for one in charts if one.group == group], bands)
        for group, title in metric_groups.GROUPS
    )
    download = Markup('<a class="ts-button" href="/api/runs/{}/metrics.csv" download>All metrics as CSV</a>').format(
        run.id
    )
    return Markup(
        '<div class="ts-stack"><div class="ts-chart-controls">{}<div class="ts-actions">{}{}</div></div>{}</div>'
    ).format(chart.BAR, USUAL_ORDER if order else "", download, groups)


def arranged(charts: Sequence[MetricChart], order: Sequence[str]) -> list[MetricChart]:
    """The charts with those that somebody has moved, by their titles, in that order; the others keep their places."""
    place = {title: number for number, title in enumerate(order)}
    moved = iter(sorted((one for one in charts if one.title in place), key=lambda one: place[one.title]))
    return [next(moved) if one.title in place else one for one in charts]


def _group(run: Run, title: str, charts: Sequence[MetricChart], bands: Sequence[Band]) -> Markup:
    if not charts:
        return Markup()
    drawn = html.join(_element(run, one, HEIGHT, bands) for one in charts)
    return Markup(
        '<section class="ts-chart-group" data-key="{}"><h3>{}</h3>'
        '<div class="rn-charts" data-movable>{}</div></section>'
    ).format(f"charts-{title}", title, drawn)


def _in_order(run: Run) -> list[MetricChart]:
    """What a run of its method is judged by first; before its first point what every run will have."""
    with db.reading() as session:
        names = stored.metric_names(session, run.id)
    judged_by = REWARD if run.recipe.get("method") in GENERATING else LOSS
    expected = [name for name, _ in judged_by.series]
    drawn = metric_groups.charts({*names, "loss", *expected, *FIRST_MOMENTS})
    return sorted(drawn, key=lambda one: one.series != judged_by.series)


def _element(run: Run, one: MetricChart, height: int, bands: Sequence[Band]) -> Markup:
    drawn = {name for name, _ in one.series}
    own = [band for band in bands if band.metric in drawn]
    return chart.element(one.title, one.series, run.id, height, unit=one.unit, axis=one.axis, bands=own)
