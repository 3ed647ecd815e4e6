"""The first rows of a file as a mapping would make them: taken ones as people read them, the others with the reason."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.data import mappings
from engine.errors import TunesmithError
from engine.rows.mapping.mapping import parse
from engine.rows.verdict import REPAIRS
from pages.data import row_view
from pages.data.dataset_view import words
from pages.parts import html

ROWS = 3


def html_of(dataset_id: str, chosen: Mapping[str, Any]) -> Markup:
    """The rows beside the form. A mapping that does not hold is explained instead."""
    try:
        tried = mappings.try_mapping(dataset_id, parse(chosen), ROWS)
    except TunesmithError as error:
        return Markup('<section class="dt-tried">{}</section>').format(html.notice(error.message, error.hint, "warn"))
    rows = html.join(map(_row, tried["rows"]))
    return Markup('<section class="dt-tried">{}<ol class="da-rows">{}</ol></section>').format(_tally(tried), rows)


def _tally(tried: Mapping[str, Any]) -> Markup:
    taken = tried["accepted"] + tried["repaired"]
    said = f"{taken:,} of the first {tried['looked_at']:,} rows would be taken"
    more = f", {tried['repaired']:,} of them after a repair" if tried["repaired"] else ""
    rules = ", ".join(f"{count:,} × {words(rule)}" for rule, count in tried["rules"].items())
    tone = "good" if taken == tried["looked_at"] else "warn" if taken else "bad"
    return Markup('<p class="dt-tally" data-tone="{}"><b>{}{}.</b> {}</p>').format(
        tone, said, more, f"Rejected: {rules}." if rules else ""
    )


def _row(one: Mapping[str, Any]) -> Markup:
    if one["verdict"] != "rejected":
        repairs = html.join(
            Markup('<span class="ts-badge" data-tone="warn" title="{}">{}</span>').format(REPAIRS[name], words(name))
            for name in one["repairs"]
        )
        return row_view.row_html(one["values"], one["row"], repairs)
    return Markup(
        '<li class="da-row dt-refused"><div class="da-side"><span class="da-number">{}</span></div>'
        '<div><p><b>{}</b></p><code class="da-value">{}</code><p>{}</p></div></li>'
    ).format(one["row"], words(one["rule"]), one["value"] or html.DASH, one["fix"])
