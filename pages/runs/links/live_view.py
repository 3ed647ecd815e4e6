"""What somebody sees who has a live link to a run: its state, its charts, its answers to the fixed prompts.

Nothing else of it: no data, no recipe, no log, no path, no words of an error, no name but the run's own.
"""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from engine.runs import curves, metric_groups, samples
from engine.runs.metric_groups import MetricChart
from engine.runs.samples import Sample
from pages.parts import html, svg_chart
from pages.runs.state import progress_bar, step_words, time_left_or_taken
from storage import db
from storage.outgoing import links
from storage.statuses import RUN_MOVING
from storage.tables import Run

MOST_CHARTS, MOST_NAMES, MOST_POINTS = 12, 200, 400
MOST_ANSWERS = 200  # the newest
MOST_SHOWN = 2000  # characters of an answer
HIDDEN = ("machine/", "train/", "profiling/")


def state_html(run: Run) -> Markup:
    """Where the run is. `data-moving` says whether it will change soon."""
    speed = html.DASH if run.tokens_per_second is None else f"{run.tokens_per_second:,.0f}"
    pairs = (
        ("Step", step_words(run)),
        time_left_or_taken(run),
        ("Loss", html.number(run.loss)),
        ("Tokens per second", speed),
    )
    items = html.join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in pairs)
    return Markup('<header{}><h1>{}</h1>{}</header><div class="lv-bar">{}</div><dl class="lv-figures">{}</dl>').format(
        Markup(" data-moving") if run.status in RUN_MOVING else "",
        run.name,
        html.badge(run.status),
        progress_bar(run),
        items,
    )


def charts_html(run: Run) -> Markup:
    """The charts, the most telling first."""
    with db.reading() as session:
        names = list(links.metric_names(session, run.id, MOST_NAMES))
    shown = [_chart(run.id, one) for one in charted(names)]
    return html.join(shown) or Markup('<p class="lv-none">The first point comes after the first steps.</p>')


def charted(metric_names: Sequence[str]) -> list[MetricChart]:
    """The charts of a run's page, in their words and order, without those of the machine."""
    charts = metric_groups.charts(filter(is_shown, metric_names))
    return [one for one in charts if one.group != "machine"][:MOST_CHARTS]


def is_shown(name: str) -> bool:
    """Whether a metric may be read by a live link: machine and profiling say what the studio runs on."""
    return not name.removeprefix("eval_").startswith(HIDDEN)


def _chart(run_id: str, chart: MetricChart) -> Markup:
    series = [(words, curves.read(run_id, name, max_points=MOST_POINTS).points) for name, words in chart.series]
    return svg_chart.chart(chart.title, series)


def answers_html(run: Run) -> Markup:
    """The newest answer to each fixed prompt, with the earlier ones folded; nothing where there are none."""
    first = max(0, samples.count(run.id) - MOST_ANSWERS)
    answers = sorted(samples.of_run(run.id, MOST_ANSWERS, first), key=lambda one: (one.prompt, -one.step))
    groups = [list(group) for _, group in groupby(answers, key=lambda one: one.prompt)]
    if not groups:
        return Markup()
    return Markup("<h2>Answers</h2>{}").format(html.join(_prompt(group) for group in groups))


def _prompt(answers: Sequence[Sample]) -> Markup:
    newest, *earlier = answers
    more = Markup("<details><summary>Earlier answers</summary>{}</details>").format(html.join(map(_answer, earlier)))
    return Markup('<section class="lv-prompt"><h3>{}</h3>{}{}</section>').format(
        newest.prompt[:MOST_SHOWN], _answer(newest), more if earlier else ""
    )


def _answer(sample: Sample) -> Markup:
    return Markup("<p><small>step {:,}</small>{}</p>").format(sample.step, sample.answer[:MOST_SHOWN])
