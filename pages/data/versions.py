"""The tab Versions: every version with what it changed, where the rows come from, and two datasets compared."""

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import datasets, lineage
from engine.errors import NotFoundError, TunesmithError
from pages.data import row_diff, row_view
from pages.data.dataset_view import address
from pages.parts import fields, html
from pages.parts.pager import Place, pager
from storage import datasets as stored
from storage.db import reading
from storage.statuses import DatasetStatus
from storage.tables import Dataset

LABEL = "Versions"
MOST_LISTED = 50
MOST_OFFERED = 100
ROWS_A_PAGE = 10
_CHANGES = {"changed": "warn", "added": "good", "removed": "bad"}


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """All of the tab. `with` in the address names what to compare with, `from` turns the pages of differences."""
    family = lineage.versions(dataset.id)
    earlier = query.get("with", "")
    return Markup('<div class="dt-versions">{}{}{}</div>').format(
        _list(dataset, family), _lineage(dataset), _comparison(dataset, family, earlier, query)
    )


def _list(dataset: Dataset, family: Sequence[Dataset]) -> Markup:
    items = html.join(_version(one, dataset) for one in family[:MOST_LISTED])
    left = len(family) - MOST_LISTED
    more = Markup("<p><small>and {} older ones</small></p>").format(left) if left > 0 else ""
    return html.card("Versions", Markup('<ol class="dt-timeline">{}</ol>').format(items), more)


def _version(one: Dataset, shown: Dataset) -> Markup:
    here = one.id == shown.id
    name = (
        Markup("<b>Version {}</b>").format(one.version)
        if here
        else html.link(f"Version {one.version}", address(one.id, "versions"), soft=True)
    )
    rows = f"{html.count(one.train_rows)} rows" if one.status == DatasetStatus.READY else ""
    badge = "" if one.status == DatasetStatus.READY else html.badge(one.status, one.error or "")
    said = " · ".join(filter(None, (lineage.difference_in_rows(one, _known(one.parents)), rows)))
    able = not here and one.status == shown.status == DatasetStatus.READY
    compare = html.link("compare", _address(shown.id, one.id), soft=True) if able else ""
    return Markup('<li{}><div>{} {}<p>{}</p></div><div><span>{}</span><span>{}</span>{}</div></li>').format(
        Markup(' aria-current="true"') if here else "", name, badge, lineage.words(one), said,
        html.moment(one.created_at), compare,
    )  # fmt: skip


def _known(ids: Sequence[str]) -> list[Dataset]:
    found = []
    for one in ids:
        try:
            found.append(datasets.look_up(one))
        except NotFoundError:
            return []  # what it was made from is gone, and with it the difference
    return found


def _lineage(dataset: Dataset) -> Markup:
    tree = lineage.lineage(dataset.id)
    if not tree.parents:
        return Markup()
    return html.card("Where it comes from", Markup('<ul class="dt-tree">{}</ul>').format(_ancestor(tree)))


def _ancestor(one: lineage.Ancestor) -> Markup:
    below = html.join(_ancestor(parent) for parent in one.parents)
    if one.name is None:
        return Markup("<li><span>a dataset that was deleted ({})</span></li>").format(one.id)
    version = f" version {one.version}" if one.version > 1 else ""
    return Markup("<li>{}<small>{} rows, {}</small>{}</li>").format(
        html.link(f"{one.name}{version}", address(one.id), soft=True),
        html.count(one.rows),
        one.words,
        Markup("<ul>{}</ul>").format(below) if below else "",
    )


def _comparison(dataset: Dataset, family: Sequence[Dataset], earlier: str, query: Mapping[str, str]) -> Markup:
    offered = _offered(dataset, family)
    if not offered:
        return Markup()
    choices = [("", "choose a dataset"), *((one.id, _called(one, dataset)) for one in offered)]
    form = Markup('<form class="dt-fields" data-query="change" data-forget="from" data-key="with-{}">{}</form>').format(
        earlier, fields.select("with", "Compare with", choices, earlier)
    )
    return html.card("What differs", form, _differences(dataset, earlier, query) if earlier else "")


def _offered(dataset: Dataset, family: Sequence[Dataset]) -> list[Dataset]:
    with reading() as db:
        others = [one for one in stored.newest(db, dataset.project_id) if one.family_id != dataset.family_id]
    ready = [one for one in (*family, *others) if one.status == DatasetStatus.READY and one.id != dataset.id]
    return ready[:MOST_OFFERED]


def _called(one: Dataset, dataset: Dataset) -> str:
    return f"version {one.version}" if one.family_id == dataset.family_id else one.name


def _differences(dataset: Dataset, earlier: str, query: Mapping[str, str]) -> Markup:
    offset = int(query["from"]) if query.get("from", "").isdecimal() and len(query["from"]) < 16 else 0
    try:
        found = lineage.diff(earlier, dataset.id, offset, ROWS_A_PAGE)
    except TunesmithError as error:
        return html.notice(error.message, error.hint)
    if not found.ready:
        return html.progress(None, "Comparing")
    total = found.changed + found.added + found.removed
    if not total:
        return Markup("<p>{}</p>").format("Both have the same rows. Their order may differ.")
    counts = html.join(
        Markup('<span class="ts-badge" data-tone="{}"><i></i>{} {}</span>').format(
            tone, html.count(getattr(found, name)), name
        )
        for name, tone in _CHANGES.items()
        if getattr(found, name)
    )
    rows = html.join(_difference(one) for one in found.rows)
    return Markup('<p class="dt-counts">{}</p><ol class="da-rows">{}</ol>{}').format(
        counts, rows, pager(Place(offset, ROWS_A_PAGE, total), partial(_address, dataset.id, earlier), "differences")
    )


def _difference(one: lineage.Difference) -> Markup:
    if one.before is not None and one.after is not None:
        body = row_diff.changed_html(one.before, one.after)
    else:
        body = row_view.content_html(one.after or one.before or {})
    return Markup(
        '<li class="da-row" data-change="{}"><div class="da-side"><span class="da-number">{}</span>'
        '<span class="ts-badge" data-tone="{}"><i></i>{}</span></div>{}</li>'
    ).format(one.change, html.count(one.position + 1), _CHANGES[one.change], one.change, body)


def _address(dataset_id: str, earlier: str, offset: int = 0) -> str:
    query = {"dataset": dataset_id, "show": "versions", "with": earlier} | ({"from": offset} if offset else {})
    return f"/data?{urlencode(query)}"
