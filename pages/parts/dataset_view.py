"""One dataset on the screen: its rows as rendered chats, and the rows that were not taken, each with its reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine import datasets
from engine.data.verdict import REPAIRS
from pages.parts import html
from storage.tables import Dataset

ROWS_A_PAGE = 20
LONGEST_SHOWN = 6_000  # characters of one message; a row may have megabytes
_SIDES = {"user": "user", "assistant": "assistant", "prompt": "user", "completion": "assistant"}


def rows_html(dataset: Dataset, offset: int) -> Markup:
    """A page of rows as they will be trained on."""
    found = datasets.rows(dataset.id, offset, ROWS_A_PAGE)
    if not found:
        return html.empty("No row to show", "No row of this file could be taken. The rejected ones say why.")
    return Markup('<ol class="da-rows">{}</ol>{}').format(
        html.join(row_html(row) for row in found), pager(dataset.id, "rows", offset, dataset.accepted)
    )


def row_html(row: Mapping[str, Any]) -> Markup:
    """One row as a chat; what is no chat as its columns."""
    return Markup(
        '<li class="da-row"><span class="da-number" title="Row in the file">{}</span><div class="da-chat">{}</div></li>'
    ).format(row.get("row", ""), html.join(_bubble(role, text) for role, text in _turns(row)))


def _turns(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    messages = row.get("messages")
    if isinstance(messages, Sequence) and not isinstance(messages, str):
        return [(str(turn.get("role", "")), turn.get("content")) for turn in messages]
    return [(name, value) for name, value in row.items() if name != "row"]


def _bubble(role: str, content: Any) -> Markup:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2, default=str)
    left = len(text) - LONGEST_SHOWN
    more = Markup("<small>{} more characters</small>").format(html.count(left)) if left > 0 else ""
    return Markup('<div class="da-turn" data-side="{}"><b>{}</b><p>{}</p>{}</div>').format(
        _SIDES.get(role, "other"), role, text[:LONGEST_SHOWN], more
    )


def rejections_html(dataset: Dataset, offset: int) -> Markup:
    """Why rows were not taken: how often each rule, then row by row."""
    found = datasets.rejections(dataset.id, offset, ROWS_A_PAGE)
    if not found:
        return html.empty("Every row was taken", "Nothing of this file was rejected.")
    rows = [
        html.Row((one.get("row") or html.DASH, _rule(str(one["rule"])), _value(one.get("value")), one.get("fix", "")))
        for one in found
    ]
    headers = (html.Header("Row", "number"), "What is wrong", "What stands there", "What would help")
    save = Markup('<a class="ts-button" href="/api/datasets/{}/rejections.jsonl" download="{}">Download</a>').format(
        dataset.id, f"{dataset.name} rejected.jsonl"
    )
    return Markup('<div class="da-why"><p>{}</p>{}</div>{}{}').format(
        _counts(dataset.id),
        save,
        html.table(headers, rows, "Rejected rows"),
        pager(dataset.id, "rejected", offset, dataset.rejected),
    )


def _rule(name: str) -> Markup:
    return Markup("<b>{}</b>").format(name.replace("_", " "))


def _value(value: Any) -> Markup:
    return Markup('<code class="da-value">{}</code>').format(value if value not in (None, "") else html.DASH)


def _counts(dataset_id: str) -> str:
    rules = datasets.summary(dataset_id)["rules"]
    return ", ".join(f"{html.count(count)} × {name.replace('_', ' ')}" for name, count in rules.items())


def notes_html(dataset: Dataset) -> Markup:
    """What was noticed and repaired while reading."""
    found = datasets.summary(dataset.id)
    repairs = [f"{html.count(count)} rows: {REPAIRS.get(name, name)}." for name, count in found["repairs"].items()]
    lines = [*map(str, found["notes"]), *repairs]
    if not lines:
        return Markup()
    return Markup('<ul class="da-notes">{}</ul>').format(
        html.join(Markup("<li>{}</li>").format(line) for line in lines)
    )


def pager(dataset_id: str, show: str, offset: int, total: int) -> Markup:
    """Soft links to the page before and after, and where this one is."""
    if total <= ROWS_A_PAGE:
        return Markup()
    last = min(offset + ROWS_A_PAGE, total)
    return Markup('<nav class="da-pager" aria-label="Pages of rows">{}<span>{} to {} of {}</span>{}</nav>').format(
        _turn_page("Previous", dataset_id, show, offset - ROWS_A_PAGE, offset > 0),
        html.count(offset + 1),
        html.count(last),
        html.count(total),
        _turn_page("Next", dataset_id, show, last, last < total),
    )


def _turn_page(label: str, dataset_id: str, show: str, offset: int, there: bool) -> Markup:
    if not there:
        return Markup('<span class="ts-button" aria-disabled="true">{}</span>').format(label)
    return Markup('<a class="ts-button" data-soft href="{}">{}</a>').format(
        address(dataset_id, show, max(0, offset)), label
    )


def address(dataset_id: str, show: str = "rows", offset: int = 0) -> str:
    """Where a view of a dataset is."""
    wanted = {"dataset": dataset_id} | ({"show": show} if show != "rows" else {}) | ({"from": offset} if offset else {})
    return f"/data?{urlencode(wanted)}"
