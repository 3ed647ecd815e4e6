"""Evaluations side by side: a chart of intervals for each metric, on one scale, and everything as a table."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine import hidden
from engine.evaluate import comparison, picture, words
from pages.evaluate import list_view, one_view, report_view
from pages.evaluate.report_view import shown
from pages.parts import html
from storage import db
from storage import evaluations as stored

Facts = Mapping[str, Any]


def compared_html(query: Mapping[str, str]) -> Markup:
    """Those that the address names (`?compare=ID,ID`), as far as they are there."""
    ids = list_view.ids_of(query.get("compare", ""))
    with db.reading() as session:
        rows = stored.several(session, ids)
        list_view.named(session, rows)
    back = html.link(Markup("&larr; All evaluations"), f"/evaluate?chosen={','.join(ids)}", soft=True)
    done = [row for row in rows if row["status"] == "succeeded"]
    missing = len(ids) - len(done)
    gone = f"{missing:,} of these evaluations {'is' if missing == 1 else 'are'} not finished, or deleted."
    note = html.notice(gone, "", "calm") if missing else ""
    if not done:
        return Markup('<div class="ts-stack">{}{}</div>').format(back, note)
    return Markup('<div class="ts-stack">{}{}{}{}{}</div>').format(back, note, _head(done), _charts(done), _table(done))


def _head(rows: Sequence[Facts]) -> Markup:
    warnings = html.join(html.notice(sentence, "", "warn") for sentence in comparison.warnings(rows))
    ids = ",".join(row["id"] for row in rows)
    downloads = Markup('<div class="ts-actions">{}</div>').format(
        html.join(one_view.download(ids, name) for name in one_view.FORMATS)
    )
    return html.card("Side by side", _links(rows), warnings, _question(rows), report_view.explained(), aside=downloads)


def _question(rows: Sequence[Facts]) -> Markup:
    """Two evaluations of different subjects raise the question which of them is better."""
    subjects = list(dict.fromkeys(row["subject"] for row in rows))
    if len(subjects) != 2:
        return Markup()
    link = Markup('<a class="ts-link" data-soft href="/evaluate?{}">{}</a>')
    titles = {row["subject"]: row["subject_title"] for row in rows}
    first, second = subjects
    asked = f"Is {titles[first]} better than {titles[second]}?"
    note = "Each was compared with something else. To compare the two with each other:"
    return Markup('<p class="ts-note">{} {}</p>').format(note, link.format(_query(first, second), asked))


def _query(first: str, second: str) -> str:
    return urlencode({"a": first, "b": second})


def _charts(rows: Sequence[Facts]) -> Markup:
    figures = html.join(_chart(metric, each, rows) for metric, each in comparison.metrics_of(rows))
    legend = Markup('<p class="ts-note">{}</p>').format(
        "To the right of the line is better. The bars of one metric share a scale."
    )
    return html.card("Differences", legend, Markup('<div class="ev-forests">{}</div>').format(figures))


def _chart(metric: Facts, each: Sequence[Facts | None], rows: Sequence[Facts]) -> Markup:
    extent = picture.extent_of([one for one in each if one]) * 1.05
    lines = html.join(
        Markup("<li><span>{}</span>{}<b>{}</b></li>").format(
            shown(row["name"]), picture.interval(one, extent), words.change(one["name"], one["difference"])
        )
        for row, one in zip(rows, each, strict=True)
        if one
    )
    return Markup(
        '<figure><figcaption title="{}">{} <small>{}</small></figcaption><ul class="ev-forest">{}</ul></figure>'
    ).format(words.explained(str(metric["name"])), shown(metric["title"]), report_view.direction(metric), lines)


def _table(rows: Sequence[Facts]) -> Markup:
    """A line for each metric, a column for each evaluation."""
    first = [
        html.Row(("Verdict", *(report_view.verdict_badge(row) for row in rows))),
        html.Row(("Rows", *(shown(f"{row['rows']:,} of {row['dataset_name'] or html.DASH}") for row in rows))),
    ]
    lines = [
        html.Row((Markup("<b>{}</b>").format(shown(metric["title"])), *map(_cell, each)))
        for metric, each in comparison.metrics_of(rows)
    ]
    names = [hidden.escaped(f"{row['name']} ({row['subject_title']})"[:90]) for row in rows]
    table = html.table(["Metric", *names], [*first, *lines], "Side by side")
    return html.card("Every metric", Markup('<div class="ev-all">{}</div>').format(table))


def _links(rows: Sequence[Facts]) -> Markup:
    """Which they are, and what each was compared with."""
    items = html.join(
        Markup("<li>{} <small>{} against {}</small></li>").format(
            html.link(shown(row["name"]), f"/evaluate?evaluation={row['id']}", soft=True),
            shown(row["subject_title"]),
            shown(row["against_title"]),
        )
        for row in rows
    )
    return Markup('<ul class="ts-told">{}</ul>').format(items)


def _cell(metric: Facts | None) -> Markup:
    if metric is None:
        return Markup(html.DASH)
    name = str(metric["name"])
    return Markup('<span data-verdict="{}">{} → {}<small>{}<br>{}</small></span>').format(
        metric["verdict"] or "", words.value(name, metric["base"]), words.value(name, metric["tuned"]),
        words.change(name, metric["difference"]), words.interval(metric),
    )  # fmt: skip
