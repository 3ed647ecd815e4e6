"""The rows that got worse: prompt, what was expected, and both answers beside each other with their differences."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.evaluate import sides, words
from engine.evaluate.sides import Side
from pages.parts import html, marks

Facts = Mapping[str, Any]
_TAGS = {"same": Markup("{}"), "removed": Markup("<del>{}</del>"), "added": Markup("<ins>{}</ins>")}


def rows_html(result: Facts) -> Markup:
    """Those that lost most come first."""
    rows = result["worse_rows"]
    if not rows:
        return none_html(result)
    note = f"{words.got_worse(result)}, by what decides. Words that only one of the answers has are marked."
    return Markup('<p class="ts-note">{}</p><ol class="ev-rows">{}</ol>').format(
        note, html.join(map(_row, rows[: words.MOST_WORSE]))
    )


def none_html(result: Facts) -> Markup:
    """No row got worse; of no rows nothing is said."""
    return Markup('<p class="ts-hint">None of the rows got worse.</p>') if result["rows"] else Markup()


def _row(row: Facts) -> Markup:
    base, tuned = sides.answers(row)
    blocks = (
        _block("Prompt", sides.whole(row["prompt"])),
        _block("Expected", sides.whole(row["expected"])),
        _block("Base", base, row["base_score"]),
        _block("Tuned", tuned, row["tuned_score"]),
    )
    return Markup('<li data-key="row-{}"><small>Row {}</small><div class="ev-four">{}</div></li>').format(
        row["row"], row["row"], html.join(blocks)
    )


def _block(title: str, side: Side, score: float | None = None) -> Markup:
    scored = "" if score is None else f"score {html.number(score, 3)}"
    return Markup('<div><h3>{} <small>{}</small></h3><p class="ev-text" tabindex="0">{}</p></div>').format(
        title, scored, side_html(side)
    )


def side_html(side: Side) -> Markup:
    """A text whose pieces are marked; nothing in it is in force, and what is hidden in it is shown."""
    if not side.pieces:
        return Markup('<span class="ev-empty">nothing</span>')
    shown = html.join(_TAGS[piece.kind].format(marks.shown(piece.text)) for piece in side.pieces)
    left = Markup('<span class="cd-cut"> … {} more characters</span>').format(f"{side.left:,}") if side.left else ""
    return shown + left
