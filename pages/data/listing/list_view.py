"""The project's datasets as the address asks for them; each by its newest version."""

from collections.abc import Sequence

from markupsafe import Markup

from engine.data import listing
from pages.data.dataset_view import address
from pages.data.listing.dataset_marks import delete_button, origin_words, status_mark
from pages.parts import filters, html, listed, undo
from pages.parts.pager import pager_by_page, place_of
from storage import datasets as datasets_stored
from storage.db import reading
from storage.lists import datasets as stored
from storage.statuses import DatasetStatus
from storage.tables import Dataset

ROWS = 50
FEW = 6  # that many are seen at a glance: no search, no filters
PLACE = listed.Place("/data", "dataset")
LOSS = "Their rows in all versions are removed from the studio; your own files stay. You can undo it for 30 seconds."
STATUSES = (("", "every status"), *((status.value, status.value.replace("_", " ")) for status in DatasetStatus))
SORTED = (
    ("", "newest first"),
    ("created", "oldest first"),
    ("name", "by name"),
    ("-rows", "most rows first"),
    ("-size", "largest first"),
    ("-rejected", "most rejected first"),
)
ACTS = listed.acts(listing.change, listing.act_on)


def list_html(query: listed.Query) -> Markup:
    """The list, or what to do first where there is nothing yet."""
    query = {**query, "q": (query.get("q") or query.get("named", "")).strip()}  # `named`: as addresses once said it
    asked = filters_of(query)
    with reading() as session:
        place = place_of(query, ROWS, stored.count(session, asked))
        datasets = stored.page(session, asked, ROWS, place.offset)
        kinds, tags = stored.kinds(session, query["project"]), stored.tags(session, query["project"])
        still_there = datasets_stored.names(session, PLACE.chosen(query))
    query["chosen"] = ",".join(one for one in PLACE.chosen(query) if one in still_there)
    if not datasets and not is_filtered(query):
        return undo.bar(Dataset, query["project"]) + _nothing()
    needs_filters = is_filtered(query) or place.total > FEW or bool(tags)
    table = _table(query, datasets) if datasets else _none_fits()
    kept = {name: query[name] for name in listed.KEPT if name not in ("chosen", "page") and query.get(name)}
    return Markup('<div class="ts-stack">{}{}{}{}{}</div>').format(
        undo.bar(Dataset, query["project"]),
        _filters(query, kinds, tags) if needs_filters else "",
        PLACE.bar(query, [dataset.id for dataset in datasets], LOSS),
        table,
        pager_by_page(place, "/data", "datasets", **kept),
    )


def filters_of(query: listed.Query) -> stored.Filters:
    """What the address asks for; what is not known counts as not asked."""
    status, sort = query.get("status", ""), query.get("sort", "")
    return stored.Filters(
        project_id=query["project"],
        search=query.get("q", "")[:120],
        kind=query.get("kind", "")[:40],
        status=DatasetStatus(status) if status in list(DatasetStatus) else None,
        tag=query.get("tag", "")[:40],
        order=sort if sort.removeprefix("-") in stored.ORDERS else stored.NEWEST,
    )


def is_filtered(query: listed.Query) -> bool:
    return any(query.get(name) for name in listed.FILTERS)


def _filters(query: listed.Query, kinds: Sequence[str], tags: Sequence[str]) -> Markup:
    offered: tuple[tuple[str, str, Sequence[tuple[str, str]]], ...] = (
        ("kind", "Kind", [("", "every kind"), *((kind, kind) for kind in kinds)]),
        ("status", "Status", STATUSES),
        ("tag", "Tag", [("", "every tag"), *((tag, tag) for tag in tags)]),
        ("sort", "Sorted", SORTED),
    )
    selects = [
        filters.select(name, label, choices, query.get(name, ""))
        for name, label, choices in offered
        if len(choices) > 1 or query.get(name)
    ]
    return filters.form("search-datasets", query.get("q", ""), "Search by name, tag or description", *selects)


def _none_fits() -> Markup:
    return html.empty("No such dataset", "No dataset of this project fits the filter.", "/data", "All datasets")


def _nothing() -> Markup:
    return html.empty(
        "No dataset yet",
        "Drop a file above: chats, questions with answers, or plain text, as JSON, JSONL, CSV, Parquet or text. "
        "Nothing leaves this machine.",
        picture="data",
    )


def _table(query: listed.Query, datasets: Sequence[Dataset]) -> Markup:
    heads = (
        html.Header("Choose", "actions"),
        PLACE.head(query, "Dataset", "name"),
        PLACE.head(query, "Status", "status"),
        PLACE.head(query, "Kind", "kind"),
        PLACE.head(query, "Accepted", "accepted", "number"),
        PLACE.head(query, "Repaired", "repaired", "number"),
        PLACE.head(query, "Rejected", "rejected", "number"),
        PLACE.head(query, "Size", "size", "number"),
        PLACE.head(query, "Added", "created", room=11),
        html.Header("Actions", "actions"),
    )
    return html.table(heads, [_row(query, dataset) for dataset in datasets], "Datasets")


def _row(query: listed.Query, dataset: Dataset) -> html.Row:
    ready = dataset.status == DatasetStatus.READY
    description = Markup("<small>{}</small>").format(_first_line(dataset.description)) if dataset.description else ""
    cells = [
        PLACE.box(query, dataset.id, dataset.name),
        Markup('<div class="ts-name"><bdi>{}</bdi><small>{}</small>{}{}</div>').format(
            html.link(dataset.name, address(dataset.id), soft=True),
            origin_words(dataset),
            description,
            listed.tags(dataset),
        ),
        status_mark(dataset),
        Markup("{}<small>{}</small>").format(dataset.kind or html.DASH, (dataset.format or "").replace("_", " ")),
        *(
            html.count(count) if ready else html.DASH
            for count in (dataset.accepted, dataset.repaired, dataset.rejected)
        ),
        html.size(dataset.size_bytes),
        html.moment(dataset.created_at),
        delete_button(dataset),
    ]
    return html.Row(cells, dataset.id, address(dataset.id), dataset.id in PLACE.chosen(query))


def _first_line(text: str) -> str:
    line = text.splitlines()[0]
    return line if len(line) <= 90 else f"{line[:89]}…"
