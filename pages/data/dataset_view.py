"""One dataset on the screen: its rows as rendered chats, and the rows that were not taken, each with its reason."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import datasets
from engine.rows.verdict import REPAIRS
from pages.parts import html
from pages.parts.pager import Place, pager
from storage.tables import Dataset

ROWS_A_PAGE = 20


def rejections_html(dataset: Dataset, offset: int) -> Markup:
    """Why rows were not taken: how often each rule, then row by row."""
    rejections = datasets.rejections(dataset.id, offset, ROWS_A_PAGE)
    if not rejections:
        return html.empty("Every row was imported", "No row of this file was rejected.")
    headers = (html.Header("Row", "number"), "What is wrong", "What was found", "What would help")
    download = Markup(
        '<a class="ts-button" href="/api/datasets/{}/rejections.jsonl" download="{}">Download</a>'
    ).format(dataset.id, f"{dataset.name} rejected.jsonl")
    return Markup('<div class="da-why"><p>{}</p>{}</div>{}{}').format(
        _rule_counts(datasets.summary(dataset.id)["rules"]),
        download,
        html.table(headers, [html.Row(_rejection(rejection)) for rejection in rejections], "Rejected rows"),
        pages(dataset.id, "rejected", offset, dataset.rejected),
    )


def _rejection(rejection: Mapping[str, Any]) -> tuple[object, ...]:
    file = Markup("<small>{}</small>").format(rejection["file"]) if rejection.get("file") else ""
    value = rejection.get("value")
    return (
        Markup("{}{}").format(rejection.get("row") or html.DASH, file),
        Markup("<b>{}</b>").format(words(str(rejection["rule"]))),
        Markup('<code class="da-value">{}</code>').format(value if value not in (None, "") else html.DASH),
        rejection.get("fix", ""),
    )


def words(name: str) -> str:
    """A rule's or a repair's name as words."""
    return name.replace("_", " ")


def _rule_counts(rules: Mapping[str, int]) -> str:
    return ", ".join(f"{html.count(count)} × {words(name)}" for name, count in rules.items())


def notes_html(dataset: Dataset) -> Markup:
    """What was noticed and repaired while reading."""
    summary = datasets.summary(dataset.id)
    notes = html.join(Markup("<li>{}</li>").format(note) for note in map(str, summary["notes"]))
    repairs = html.join(
        Markup('<li data-repair title="{}"><b>{}</b>: {} {}</li>').format(
            REPAIRS.get(name, ""), words(name), html.count(count), "row" if count == 1 else "rows"
        )
        for name, count in summary["repairs"].items()
    )
    return Markup('<ul class="da-notes">{}{}</ul>').format(notes, repairs) if notes or repairs else Markup()


def pages(dataset_id: str, show: str, offset: int, total: int) -> Markup:
    """The way through the rows of a view."""
    return pager(Place(offset, ROWS_A_PAGE, total), partial(address, dataset_id, show))


def address(dataset_id: str, show: str = "rows", offset: int = 0) -> str:
    """Where a view of a dataset is."""
    query = {"dataset": dataset_id} | ({"show": show} if show != "rows" else {}) | ({"from": offset} if offset else {})
    return f"/data?{urlencode(query)}"


def row_link(dataset: Dataset, position: int, row: Mapping[str, Any], word: str = "Row") -> Markup:
    """Leads to a row among all the others. It is named by its number in the file, as everywhere."""
    return Markup('<a class="ts-link" data-soft href="{}">{} {}</a>').format(
        address(dataset.id, offset=position), word, html.count(row.get("row", position + 1))
    )
