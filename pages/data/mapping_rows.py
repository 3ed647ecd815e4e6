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


def html_of(dataset_id: str, chosen: Mapping[str, Any], encoding: str = "") -> Markup:
    """The rows beside the form. A mapping that does not hold is explained instead."""
    try:
        trial = mappings.try_mapping(dataset_id, parse(chosen), ROWS, encoding)
    except TunesmithError as error:
        return Markup('<section class="dt-tried">{}</section>').format(html.notice(error.message, error.hint, "warn"))
    rows = html.join(map(row_html, trial["rows"]))
    return Markup('<section class="dt-tried">{}<ol class="da-rows">{}</ol></section>').format(tally_html(trial), rows)


def tally_html(trial: Mapping[str, Any]) -> Markup:
    """How many of the first rows would be taken, and why others would not."""
    accepted = trial["accepted"] + trial["repaired"]
    text = f"{accepted:,} of the first {trial['looked_at']:,} rows would be taken"
    if trial["looked_at"] == 1:
        text = f"The only row would {'' if accepted else 'not '}be taken"
    of_them = f"{trial['repaired']:,} of them " if trial["looked_at"] > 1 else ""
    repaired = f", {of_them}after a repair" if trial["repaired"] else ""
    rules = ", ".join(f"{count:,} × {words(rule)}" for rule, count in trial["rules"].items())
    tone = "good" if accepted == trial["looked_at"] else "warn" if accepted else "bad"
    return Markup('<p class="dt-tally" data-tone="{}"><b>{}{}.</b> {}</p>').format(
        tone, text, repaired, f"Rejected: {rules}." if rules else ""
    )


def row_html(row: Mapping[str, Any]) -> Markup:
    """One row as it would become, or the reason why it would be rejected."""
    if row["verdict"] != "rejected":
        repairs = html.join(
            Markup('<span class="ts-badge" data-tone="warn" title="{}">{}</span>').format(REPAIRS[name], words(name))
            for name in row["repairs"]
        )
        return row_view.row_html(row["values"], row["row"], repairs)
    return Markup(
        '<li class="da-row dt-refused"><div class="da-side"><span class="da-number">{}</span></div>'
        '<div><p><b>{}</b></p><code class="da-value">{}</code><p>{}</p></div></li>'
    ).format(row["row"], words(row["rule"]), row["value"] or html.DASH, row["fix"])
