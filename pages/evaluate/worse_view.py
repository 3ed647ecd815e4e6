"""The rows that were asked, the worst first: prompt, what was expected, and both answers with their differences."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.evaluate import asked_rows, evaluations, sides, words
from engine.evaluate.sides import Side
from pages.parts import filters, html, marks, pager
from storage.tables import Evaluation

Facts = Mapping[str, Any]
ROWS = 20  # on a page
WORDS: Mapping[str, str] = {"all": "all rows", "worse": "got worse", "better": "got better", "same": "no change"}
SAID: Mapping[str, str] = {
    "all": "in all",
    "worse": "got worse",
    "better": "got better",
    "same": "did not change",
}
_TAGS = {"same": Markup("{}"), "removed": Markup("<del>{}</del>"), "added": Markup("<ins>{}</ins>")}


def rows_html(evaluation: Evaluation, query: Mapping[str, str]) -> Markup:
    """All of them, those that lost most first: of one kind of change, found by words, a page at a time."""
    change: asked_rows.Change = next((name for name in asked_rows.CHANGES if name == query.get("show")), "worse")
    search = query.get("q", "")[: asked_rows.MOST_SEARCHED]
    offset = (pager.page_number(query) - 1) * ROWS
    page = asked_rows.page(evaluation, change, search, offset, ROWS)
    if page.total and not page.rows:  # the address asks for a page behind the last
        offset = pager.place_of(query, ROWS, page.total).offset
        page = asked_rows.page(evaluation, change, search, offset, ROWS)
    if not page.total and not any(page.counts.values()) and not search:
        return none_html(evaluations.result(evaluation))
    kept = {"evaluation": evaluation.id, "show": change, **({"q": search} if search else {})}
    ways = pager.pager_by_page(pager.Place(offset, ROWS, page.total), "/evaluate", "rows", **kept)
    return Markup("{}{}{}{}").format(_filters(page, change, search), _note(page, change), _list(page.rows), ways)


def first_html(evaluation: Evaluation) -> Markup:
    """The rows that lost most, and the way to all of them."""
    page = asked_rows.page(evaluation, "worse", limit=words.MOST_WORSE)
    if not page.rows:
        return none_html(evaluations.result(evaluation))
    more = html.link("All rows on the Evaluate page", f"/evaluate?evaluation={evaluation.id}&show=all")
    return Markup('{}{}<p class="ts-note">{}</p>').format(_note(page, "worse"), _list(page.rows), more)


def _filters(page: asked_rows.Page, change: str, search: str) -> Markup:
    choices = [(name, f"{WORDS[name]} ({page.counts.get(name, 0):,})") for name in asked_rows.CHANGES]
    select = filters.select("show", "Which rows", choices, change)
    return Markup(
        '<form class="ts-filters" role="search" data-query="change" data-forget="page" id="evaluation-rows">'
        '<input type="search" name="q" value="{}" maxlength="{}" placeholder="Words in a row"'
        ' aria-label="Search the rows by words">{}<button class="ts-button">Search</button></form>'
    ).format(search, asked_rows.MOST_SEARCHED, select)


def _note(page: asked_rows.Page, change: str) -> Markup:
    if not page.total:
        return Markup('<p class="ts-hint">No row matches.</p>')
    told = f"{words.counted(page.total, 'row')} {SAID[change]} by the deciding metric, the largest drops first."
    if not page.is_kept:
        told += " The file with all rows was deleted, so only the rows in the result are shown."
    return Markup('<p class="ts-note">{} Words that appear in only one of the answers are marked.</p>').format(told)


def _list(rows: Sequence[Facts]) -> Markup:
    return Markup('<ol class="ev-rows">{}</ol>').format(html.join(map(_row, rows))) if rows else Markup()


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
        return Markup('<span class="ev-empty">empty</span>')
    shown = html.join(_TAGS[piece.kind].format(marks.shown(piece.text)) for piece in side.pieces)
    left = Markup('<span class="cd-cut"> … {} more characters</span>').format(f"{side.left:,}") if side.left else ""
    return shown + left
