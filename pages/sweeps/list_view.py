"""The list of sweeps: what each looks for, how far it is, what is best."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.sweeps.results import listing
from engine.sweeps.results.listing import InShort
from pages.parts import html, pager, undo
from pages.sweeps import address, words
from pages.sweeps.address import Query
from storage.tables import Sweep

ROWS = 50


def list_html(query: Query) -> Markup:
    """The sweeps of the project, the newest first; how to start one while there is none."""
    project = query.get("project") or None
    place = pager.place_of(query, ROWS, listing.count(project))
    deleted = undo.bar(Sweep, project, has_files=False)
    if not place.total:
        return deleted + empty()
    rows = listing.page(project, ROWS, place.offset)
    heads: list[str | html.Header] = [
        html.Header("Sweep", room=18),
        html.Header("Status", room=12),
        "Trials",
        "Best so far",
        "Began",
    ]
    way = pager.pager_by_page(place, "/sweeps", "sweeps")
    return html.join((deleted, html.table(heads, [_row(one) for one in rows], "Sweeps"), way))


def empty() -> Markup:
    text = (
        "A sweep tries many settings and says which are best, by how much, and how sure that is. Start one on the "
        "Train page: set up a training, give the fields that you are unsure of a range, and start the sweep."
    )
    return html.empty("No sweeps yet", text, "/train", "Set up a training", "sweeps")


def _row(one: InShort) -> html.Row:
    href = address.of_sweep(one.id)
    name = Markup('<div class="ts-name">{}<small>{}</small></div>').format(
        html.link(one.name, href, soft=True), "; ".join(map(words.objective, one.objectives))
    )
    return html.Row((name, html.badge(one.status), _trials(one), _best(one), html.moment(one.created_at)), one.id, href)


def _trials(one: InShort) -> Markup:
    most = f" of {one.budget:,}" if one.budget else ""
    ended = sum(count for state, count in one.counts.items() if state not in ("running", "refused"))
    return Markup("<span>{}{}</span><small>{}</small>").format(f"{ended:,}", most, _counted(one.counts))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if state != "complete" and count)


def _best(one: InShort) -> Markup:
    if one.best is None:
        return Markup(html.DASH)
    return Markup("<b>{}</b>").format(words.value(one.best, one.objectives[0]))
