"""Which datasets rows are compared with for leakage: a form with a box for each."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.data import health, health_choices
from pages.parts import html
from storage.tables import Dataset

ACT = "health-compare"
MOST_LISTED = 50
_MEANS = "Rows of this dataset that are also in one of these are leakage."
_STALE = " The ticked ones have not been compared with yet: press Compare."


def form_html(dataset: Dataset, against: Sequence[Dataset], stale: bool) -> Markup:
    """The datasets to choose from, those to compare with ticked. `stale`: they have not been compared with yet."""
    chosen = {other.id for other in against}
    others = {other.id: other for other in [*against, *health_choices.candidates(dataset)[:MOST_LISTED]]}
    if not others:
        hint = "Import your test set too: rows that are in both are found, so that they cannot spoil the test."
        return html.card("Compare with", Markup("<p>{}</p>").format(hint))
    boxes = html.join(_box(other, other.id in chosen) for other in others.values())
    return html.card(
        "Compare with",
        Markup("<p>{}{}</p>").format(_MEANS, _STALE if stale else ""),
        Markup(
            '<form class="dt-compare" data-act="{}" data-id="{}" id="compare-{}">{}'
            '<button class="ts-button" type="submit">Compare</button></form>'
        ).format(ACT, dataset.id, dataset.id, boxes),
    )


def _box(other: Dataset, chosen: bool) -> Markup:
    return Markup(
        '<label><input type="checkbox" name="with-{}"{}><span>{}<small>{} rows</small></span></label>'
    ).format(other.id, Markup(" checked") if chosen else "", other.name, html.count(other.train_rows))


def compare(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    """Remembers the ticked datasets and checks again."""
    health.start(dataset_id, [name.removeprefix("with-") for name in values if name.startswith("with-")])
