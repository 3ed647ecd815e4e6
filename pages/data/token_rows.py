"""Rows on the screen, token by token: learnt, context only, cut off, told apart by more than colour."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from markupsafe import Markup, escape

from engine.data import tokens
from engine.process import work
from pages.parts import html
from storage.tables import Work

# Elements that say by themselves what they mean: marked, plain, struck out.
ELEMENTS = {"trained": "mark", "context": "span", "truncated": "s"}
LEGEND = (
    ("trained", "learnt"),
    ("context", "read, not learnt"),
    ("truncated", "cut off"),
)


def html_of(job: Work, noted: bool) -> Markup:
    """The page of rows that the work made. `noted`: how rows were written stands on the page already."""
    return _rendered(str(work.folder(job) / tokens.PAGE), noted)


@lru_cache(maxsize=16)
def _rendered(path: str, noted: bool) -> Markup:
    """Kept, because the page is asked for every few seconds and what a work made never changes."""
    with open(path, "rb") as file:
        page = orjson.loads(file.read())
    if not page["rows"]:
        return html.empty("No row to show", "There are no rows this far in.")
    notes = html.join(Markup('<p class="dt-note">{}</p>').format(note) for note in page["notes"])
    specials = frozenset(page["specials"])
    rows = html.join(_row(row, specials) for row in page["rows"])
    return Markup('{}<div class="dt-legend">{}</div><ol class="da-rows dt-token-rows">{}</ol>').format(
        "" if noted else notes, _legend(), rows
    )


def _legend() -> Markup:
    items = html.join(
        Markup('<span><{0} class="dt-run" data-state="{1}">token</{0}> {2}</span>').format(
            ELEMENTS[state], state, words
        )
        for state, words in LEGEND
    )
    return items + Markup("<span><b>⏎</b> new line</span><span><b>◌</b> rest of a character</span>")


def _row(row: Mapping[str, Any], specials: frozenset[str]) -> Markup:
    notes = [html.notice(row["left_out"], tone="warn")] if row["left_out"] else []
    notes += [Markup('<p class="dt-warning">{}</p>').format(warning) for warning in row["warnings"]]
    pair = len(row["sides"]) > 1
    sides = html.join(_side(side, specials, pair) for side in row["sides"])
    return Markup(
        '<li class="da-row"><span class="da-number" title="Row in the file">{}</span>'
        '<div class="dt-token-row">{}{}</div></li>'
    ).format(row["row"], html.join(notes), Markup('<div class="da-pair">{}</div>').format(sides) if pair else sides)


def _side(side: Mapping[str, Any], specials: frozenset[str], pair: bool) -> Markup:
    cut = f", {html.count(side['truncated'])} cut off" if side["truncated"] else ""
    facts = f"{html.count(side['tokens'])} tokens, {html.count(side['trained'])} learnt{cut}"
    hidden = f"{html.count(side['hidden'])} more tokens are not shown" if side["hidden"] else ""
    name = Markup("<h3>{}</h3>").format(side["name"].capitalize()) if pair else ""
    # In a div of its own line by line: white space counts here.
    flow = Markup('<div class="dt-flow">{}</div>').format(_flow(side["runs"], specials))
    return Markup('<section data-side="{}">{}<p class="dt-facts">{}</p>{}{}</section>').format(
        side["name"], name, facts, flow, Markup('<p class="dt-facts">{}</p>').format(hidden) if hidden else ""
    )


def _flow(runs: Sequence[Mapping[str, Any]], specials: frozenset[str]) -> Markup:
    elements, odd = [], False
    for run in runs:
        element = ELEMENTS[run["state"]]
        pieces = []
        for token in run["tokens"]:
            pieces.append(_token(token, odd, token in specials))
            odd = not odd
        elements.append(
            Markup('<{} class="dt-run" data-state="{}">{}</{}>').format(
                element, run["state"], Markup("").join(pieces), element
            )
        )
    return Markup("").join(elements)


_OPEN = {
    (odd, special): Markup(f"<i{' data-odd' * odd}{' data-special' * special}>") for odd in (0, 1) for special in (0, 1)
}
_CLOSE = Markup("</i>")
_PART = Markup("◌")


def _token(text: str, odd: bool, special: bool) -> Markup:
    """One token, its white space visible. Quick: a page has thousands."""
    if not text:
        shown = _PART
    elif text.isspace():
        shown = escape(text.replace(" ", "·").replace("\t", "→\t").replace("\r", "␍").replace("\n", "⏎\n"))
    else:
        shown = escape(text.replace("\n", "⏎\n") if "\n" in text else text)
    return _OPEN[odd, special] + shown + _CLOSE
