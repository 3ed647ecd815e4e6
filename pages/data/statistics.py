"""The tab Statistics: how much there is, how long it is, who speaks and in which languages. Bars are table rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.data import health
from engine.rows.health.language import NAMES
from pages.data import health_rows
from pages.parts import html
from storage.tables import Dataset

LABEL = "Statistics"
MOST_BARS = 14
_LENGTHS = {"question": "Length of questions", "answer": "Length of answers", "text": "Length of whole rows"}

Bars = Sequence[tuple[str, int]]


def html_of(dataset: Dataset, _query: Mapping[str, str]) -> Markup:
    """All of the tab."""
    report = health.report(dataset.id)
    statistics = report.statistics
    if statistics is None:
        explanation = "They are counted together with the checks of the dataset's health."
        link = Markup('<p><a class="ts-button" data-soft href="{}">Health</a></p>').format(
            health_rows.address(dataset.id)
        )
        return html.card("No statistics yet", Markup("<p>{}</p>").format(explanation), link)
    return Markup('<div class="dt-statistics">{}<div>{}</div></div>').format(_facts(statistics), _charts(statistics))


def _facts(statistics: Mapping[str, Any]) -> Markup:
    pairs: list[tuple[str, object]] = [
        ("Rows", html.count(statistics["rows"])),
        ("Characters", html.count(statistics["characters"])),
        ("Characters a row", html.count(round(statistics["characters"] / max(1, statistics["rows"])))),
    ]
    for name, title in (("question", "Median question"), ("answer", "Median answer")):
        if lengths := statistics["lengths"].get(name):
            pairs.append((title, f"{html.count(lengths['median'])} characters"))
            pairs.append((f"Longest {name}", f"{html.count(lengths['longest'])} characters"))
    return html.card("In numbers", html.facts(pairs))


def _charts(statistics: Mapping[str, Any]) -> Markup:
    charts = [
        _lengths(title, statistics["lengths"][name])
        for name, title in _LENGTHS.items()
        if name in statistics["lengths"]
    ]
    if statistics["turns"]:
        turns = [
            (f"{number} or more" if number == "12" else number, count) for number, count in statistics["turns"].items()
        ]
        charts.append(_bars("Turns in a row", turns, "rows"))
    if statistics["roles"]:
        charts.append(_bars("Turns by role", list(statistics["roles"].items()), "turns"))
    charts.append(
        _bars("Languages", [(_language(code), count) for code, count in statistics["languages"].items()], "rows")
    )
    return html.join(charts)


def _language(code: str) -> str:
    return str(NAMES.get(code, code)) if code else "not clear"


def _lengths(title: str, lengths: Mapping[str, Any]) -> Markup:
    bars = [(_range(start, end - 1), count) for start, end, count in lengths["bars"]]
    unit = f"characters; half are at most {html.count(lengths['median'])}, 95 % at most {html.count(lengths['p95'])}"
    return _bars(title, bars, unit)


def _range(first: int, last: int) -> str:
    return html.count(first) if first == last else f"{html.count(first)} to {html.count(last)}"


def _bars(title: str, bars: Bars, unit: str) -> Markup:
    """A table whose rows are bars: read out as what they are, and seen as a chart."""
    shown, others_count = list(bars[:MOST_BARS]), sum(count for _, count in bars[MOST_BARS:])
    if others_count:
        shown.append(("others", others_count))
    highest, total = max((count for _, count in shown), default=1) or 1, sum(count for _, count in shown) or 1
    rows = html.join(
        Markup('<tr><th scope="row">{}</th><td><i style="width:{}%"></i></td><td title="{}">{}</td></tr>').format(
            name, round(100 * count / highest, 1), f"{100 * count / total:.1f} %", html.count(count)
        )
        for name, count in shown
    )
    return Markup(
        '<section class="ts-card dt-chart"><table><caption>{} <small>{}</small></caption>'
        "<tbody>{}</tbody></table></section>"
    ).format(title, unit, rows)
