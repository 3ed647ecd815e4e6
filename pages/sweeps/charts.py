"""The charts of a sweep: elements that fetch what they draw, once for all of a page (app/static/sweeps/)."""

from markupsafe import Markup

from engine.sweeps.picture import Picture
from engine.sweeps.results import plots
from pages.parts import html
from pages.sweeps import address
from pages.sweeps.address import Query

HEIGHT, SMALL, LARGE = 280, 210, 380


def chart(picture: Picture, kind: str, title: str, height: int, objective: int = 0, field: str = "") -> Markup:
    """One chart in a card of its own. `objective` says which value is drawn; `field` is that of a slice."""
    return Markup(
        '<ts-sweep-chart data-keep data-fresh="objective" id="sweep-{}" kind="{}" sweep="{}" title="{}" objective="{}"'
        ' field="{}" height="{}"><div class="ts-skeleton" style="height:{}px"></div></ts-sweep-chart>'
    ).format("-".join(filter(None, (picture.id, kind, field))), kind, picture.id, title, objective, field, height,
             height)  # fmt: skip


def first(picture: Picture) -> Markup:
    """What the overview has: how it went, and what mattered; for several objectives the front."""
    history = chart(picture, "history", "History", HEIGHT)
    if len(picture.spec.objectives) > 1:
        front = chart(picture, "pareto", "Pareto front", HEIGHT)
        return html.join((front, Markup('<div class="ts-pair">{}{}</div>').format(history, _importance(picture))))
    return Markup('<div class="ts-pair">{}{}</div>').format(history, _importance(picture))


def _importance(picture: Picture) -> Markup:
    return chart(picture, "importance", "Which fields mattered", HEIGHT)


def show(picture: Picture, query: Query) -> Markup:
    """The tab of charts."""
    at = chosen(picture, query)
    slices = html.join(chart(picture, "slice", plots.title(field), SMALL, at, field) for field in picture.spec.space)
    return html.join(
        (
            _values(picture, at),
            chart(picture, "parallel", "Parallel coordinates", LARGE, at),
            chart(picture, "contour", "Contour of two fields", LARGE, at),
            Markup('<section class="ts-chart-group"><h3>Slices: one field at a time</h3><div class="rn-charts">{}</div>'
                   "</section>").format(slices),
            chart(picture, "timeline", "Timeline", HEIGHT),
        )
    )  # fmt: skip


def chosen(picture: Picture, query: Query) -> int:
    """Which objective the address asks for, by its place; the first one otherwise."""
    text = query.get("value", "")
    return int(text) if text.isdecimal() and len(text) < 3 and int(text) < len(picture.spec.objectives) else 0


def _values(picture: Picture, at: int) -> Markup:
    """Which value the charts show, where there are several."""
    if len(picture.spec.objectives) == 1:
        return Markup()
    links = html.join(
        Markup('<a class="ts-button" data-soft href="{}"{}>{}</a>').format(
            address.of_sweep(picture.id, "charts", value=str(place) if place else ""),
            Markup(' aria-current="true" data-tone="primary"') if place == at else "",
            plots.objective(objective)["title"],
        )
        for place, objective in enumerate(picture.spec.objectives)
    )
    return Markup('<div class="ts-above"><p>The value that is drawn</p><div class="ts-actions">{}</div></div>').format(
        links
    )
