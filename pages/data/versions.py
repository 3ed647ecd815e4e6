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
from pages.parts.pager import Place, offset_of, pager
from storage import datasets as stored_datasets
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
    items = html.join(_version(version, dataset) for version in family[:MOST_LISTED])
    hidden_count = len(family) - MOST_LISTED
    hidden_note = Markup("<p><small>and {} older ones</small></p>").format(hidden_count) if hidden_count > 0 else ""
    return html.card("Versions", Markup('<ol class="dt-timeline">{}</ol>').format(items), hidden_note)


def _version(version: Dataset, shown: Dataset) -> Markup:
    current = version.id == shown.id
    name = (
        Markup("<b>Version {}</b>").format(version.version)
        if current
        else html.link(f"Version {version.version}", address(version.id, "versions"), soft=True)
    )
    rows = f"{html.count(version.train_rows)} rows" if version.status == DatasetStatus.READY else ""
    badge = "" if version.status == DatasetStatus.READY else html.badge(version.status, version.error or "")
    description = " · ".join(filter(None, (lineage.difference_in_rows(version, _known_parents(version.parents)), rows)))
    comparable = not current and version.status == shown.status == DatasetStatus.READY
    compare = html.link("compare", _address(shown.id, version.id), soft=True) if comparable else ""
    return Markup('<li{}><div>{} {}<p>{}</p></div><div><span>{}</span><span>{}</span>{}</div></li>').format(
        Markup(' aria-current="true"') if current else "", name, badge, lineage.words(version), description,
        html.moment(version.created_at), compare,
    )  # fmt: skip


def _known_parents(dataset_ids: Sequence[str]) -> list[Dataset]:
    parents = []
    for dataset_id in dataset_ids:
        try:
            parents.append(datasets.look_up(dataset_id))
        except NotFoundError:
            return []  # what it was made from is gone, and with it the difference
    return parents


def _lineage(dataset: Dataset) -> Markup:
    tree = lineage.lineage(dataset.id)
    if not tree.parents:
        return Markup()
    return html.card("Where it comes from", Markup('<ul class="dt-tree">{}</ul>').format(_ancestor(tree)))


def _ancestor(ancestor: lineage.Ancestor) -> Markup:
    parents = html.join(_ancestor(parent) for parent in ancestor.parents)
    if ancestor.name is None:
        return Markup("<li><span>a dataset that was deleted ({})</span></li>").format(ancestor.id)
    version = f" version {ancestor.version}" if ancestor.version > 1 else ""
    return Markup("<li>{}<small>{} rows, {}</small>{}</li>").format(
        html.link(f"{ancestor.name}{version}", address(ancestor.id), soft=True),
        html.count(ancestor.rows),
        ancestor.words,
        Markup("<ul>{}</ul>").format(parents) if parents else "",
    )


def _comparison(dataset: Dataset, family: Sequence[Dataset], earlier: str, query: Mapping[str, str]) -> Markup:
    offered = _offered(dataset, family)
    if not offered:
        return Markup()
    choices = [("", "choose a dataset"), *((other.id, _other_label(other, dataset)) for other in offered)]
    form = Markup('<form class="dt-fields" data-query="change" data-forget="from" data-key="with-{}">{}</form>').format(
        earlier, fields.select("with", "Compare with", choices, earlier)
    )
    return html.card("What differs", form, _differences(dataset, earlier, query) if earlier else "")


def _offered(dataset: Dataset, family: Sequence[Dataset]) -> list[Dataset]:
    with reading() as session:
        others = [
            other
            for other in stored_datasets.newest(session, dataset.project_id)
            if other.family_id != dataset.family_id
        ]
    ready = [other for other in (*family, *others) if other.status == DatasetStatus.READY and other.id != dataset.id]
    return ready[:MOST_OFFERED]


def _other_label(other: Dataset, dataset: Dataset) -> str:
    return f"version {other.version}" if other.family_id == dataset.family_id else other.name


def _differences(dataset: Dataset, earlier: str, query: Mapping[str, str]) -> Markup:
    offset = offset_of(query)
    try:
        comparison = lineage.diff(earlier, dataset.id, offset, ROWS_A_PAGE)
    except TunesmithError as error:
        return html.notice(error.message, error.hint)
    if not comparison.ready:
        return html.progress(None, "Comparing")
    total = comparison.changed + comparison.added + comparison.removed
    if not total:
        return Markup("<p>{}</p>").format("Both have the same rows. Their order may differ.")
    counts = html.join(
        Markup('<span class="ts-badge" data-tone="{}"><i></i>{} {}</span>').format(
            tone, html.count(getattr(comparison, name)), name
        )
        for name, tone in _CHANGES.items()
        if getattr(comparison, name)
    )
    rows = html.join(_difference(difference) for difference in comparison.rows)
    return Markup('<p class="dt-counts">{}</p><ol class="da-rows">{}</ol>{}').format(
        counts, rows, pager(Place(offset, ROWS_A_PAGE, total), partial(_address, dataset.id, earlier), "differences")
    )


def _difference(difference: lineage.Difference) -> Markup:
    if difference.before is not None and difference.after is not None:
        body = row_diff.changed_html(difference.before, difference.after)
    else:
        body = row_view.content_html(difference.after or difference.before or {})
    return Markup(
        '<li class="da-row" data-change="{}"><div class="da-side"><span class="da-number">{}</span>'
        '<span class="ts-badge" data-tone="{}"><i></i>{}</span></div>{}</li>'
    ).format(
        difference.change, html.count(difference.position + 1), _CHANGES[difference.change], difference.change, body
    )


def _address(dataset_id: str, earlier: str, offset: int = 0) -> str:
    query = {"dataset": dataset_id, "show": "versions", "with": earlier} | ({"from": offset} if offset else {})
    return f"/data?{urlencode(query)}"
