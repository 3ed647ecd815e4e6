"""What was measured of a version, in one cell: the first report's verdict, its primary metric with its interval."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pages.parts import html
from pages.parts.filling import filled

TONES = {"better": "good", "worse": "bad", "no_proof": "calm"}
WORDS = {"better": "better", "worse": "worse", "no_proof": "no proof"}


def cell(measured: Sequence[dict[str, Any]]) -> Markup:
    """The first one, which a gate reads, and how many more there are."""
    if not measured:
        return Markup('<span class="ts-note">not measured</span>')
    first, more = measured[0], len(measured) - 1
    also = f" · and {more} more" if more else ""
    return filled(
        '<div class="rg-measured">{}<span>{}</span><small>{}{}</small></div>',
        _badge(first["verdict"], first["sentence"]),
        _metric(first["primary"]),
        f"{first['rows'] or 0:,} rows",
        also,
    )


def _badge(verdict: str | None, sentence: str | None) -> Markup:
    return filled(
        '<span class="ts-badge" data-tone="{}" title="{}"><i></i>{}</span>',
        TONES.get(verdict or "", "calm"),
        sentence or "",
        WORDS.get(verdict or "", "measured"),
    )


def _metric(metric: dict[str, Any] | None) -> Markup:
    if not metric:
        return Markup()
    change = ""
    if metric["difference"] is not None and metric["low"] is not None:
        low, high = (html.number(metric[name], 3) for name in ("low", "high"))
        change = f"{'+' if metric['difference'] > 0 else ''}{html.number(metric['difference'], 3)} ({low} to {high})"
    title = metric["title"] or metric["name"]
    return filled("{} {} <b>{}</b>", title, html.number(metric["tuned"], 3), change)


def explained(versions: Sequence[dict[str, Any]]) -> Markup:
    """What the figures mean, for somebody who has never seen an interval; nothing where nothing was measured."""
    if not any(version["measured"] for version in versions):
        return Markup()
    return Markup(
        '<p class="ts-note rg-explained">Measured: the value on rows that the training never saw, and in bold how far '
        "it is from the model before. In brackets: the range that holds the true difference in 19 of 20 cases. Where "
        "it holds 0, chance alone may explain the difference. It is the first report on the version's run.</p>"
    )
