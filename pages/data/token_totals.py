"""The totals of a dataset in tokens: what would be learnt, what would not, how long rows are."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.data import tokens
from pages.parts import html

BATCH = 4  # rows; as in a recipe that names none
MOST_NUMBERS = 10

Totals = Mapping[str, Any]


def html_of(totals: Totals) -> Markup:
    """A card with the facts, a bar of what is learnt, and the lengths of rows."""
    problems = html.join(_problems(totals))
    body = Markup('<div class="dt-sums"><div>{}{}</div>{}</div>').format(
        _share(totals), html.facts(_facts(totals)), _lengths(totals["histogram"], totals["max_length"])
    )
    return html.card("The whole dataset", problems, body)


def _share(totals: Totals) -> Markup:
    share = 100 * totals["share_trained"]
    words = f"{html.count(totals['trained'])} of {html.count(totals['tokens'])} tokens are learnt, {share:.0f} %"
    return Markup(
        '<p class="dt-share"><b>{:.0f} %</b> of the tokens are learnt: {} of {}</p>'
        '<div class="dt-bar" role="img" aria-label="{}"><i style="width:{:.2f}%"></i></div>'
    ).format(share, html.count(totals["trained"]), html.count(totals["tokens"]), words, share)


def _facts(totals: Totals) -> list[tuple[str, object]]:
    lengths, packing = totals["lengths"], totals["packing"]
    rows = html.count(totals["rows"])
    facts: list[tuple[str, object]] = [
        ("Rows learnt from", f"{html.count(totals['kept'])} of {rows}"),
        (f"Cut at {totals['max_length']:,} tokens", html.count(totals["truncated"])),
        ("Nothing to learn", html.count(totals["untrainable"])),
        ("Refused by the template", html.count(totals["refused"])),
        ("Usual row", f"{html.count(lengths['median'])} tokens"),
        ("Longest row", f"{html.count(lengths['longest'])} tokens"),
        ("Steps an epoch", f"{html.count(tokens.steps_per_epoch(dict(totals), BATCH))} of {BATCH} rows"),
    ]
    if packing and totals["kept"]:
        rows_a_sequence = totals["kept"] / packing["sequences"]
        facts.append(("Packed", f"{html.count(packing['sequences'])} sequences of {rows_a_sequence:.1f} rows"))
        facts.append(("Padding", f"{100 * totals['padding']:.0f} %, packed {100 * packing['padding']:.0f} %"))
    return facts


def _problems(totals: Totals) -> list[Markup]:
    notices = []
    if not totals["kept"]:
        refusal = totals["refusal"] and f"The chat template refuses the rows: {totals['refusal']}"
        hint = refusal or f"No answer begins within {totals['max_length']:,} tokens, or the rows have none."
        notices.append(html.notice("Nothing of this dataset would be learnt.", hint))
    elif totals["refused"]:
        rows = _numbers(totals["refused_rows"], totals["refused"])
        notices.append(html.notice(f"The model's chat template refuses {rows}.", totals["refusal"], "warn"))
    if totals["kept"] and totals["untrainable"]:
        rows = _numbers(totals["nothing_rows"], totals["untrainable"])
        hint = f"No answer begins within {totals['max_length']:,} tokens there, so training leaves them out."
        notices.append(html.notice(f"Nothing is learnt from {rows}.", hint, "warn"))
    return notices + [Markup('<p class="dt-note">{}</p>').format(note) for note in totals["notes"]]


def _numbers(rows: Sequence[int], count: int) -> str:
    """ "3 rows (2, 7, 9)", the first few of them by number."""
    listed = ", ".join(f"{row:,}" for row in rows[:MOST_NUMBERS]) + (" ..." if count > MOST_NUMBERS else "")
    return f"{html.count(count)} {'row' if count == 1 else 'rows'} ({listed})"


def _lengths(bins: Sequence[Mapping[str, Any]], max_length: int) -> Markup:
    """Rows by length, as bars with their numbers in words; what is longer than max_length is hatched."""
    if not bins:
        return Markup()
    most_rows = max(bin["rows"] for bin in bins)
    bars = html.join(_bar(bin, most_rows, max_length) for bin in bins)
    last = bins[-1]
    end = f"{last['from']:,} or more" if last["to"] is None else f"{last['to'] + 1:,}"
    return Markup(
        '<figure class="dt-lengths"><figcaption>Length of rows in tokens</figcaption><ol>{}</ol>'
        "<p><span>0</span><span>{}</span></p></figure>"
    ).format(bars, end)


def _bar(bin: Mapping[str, Any], most_rows: int, max_length: int) -> Markup:
    upper = "or more" if bin["to"] is None else f"to {bin['to']:,}"
    rows = f"{html.count(bin['rows'])} {'row' if bin['rows'] == 1 else 'rows'}"
    words = f"{bin['from']:,} {upper} tokens: {rows}"
    # A bin with a single row among thousands is still to be seen.
    height = max(2.0, 100 * bin["rows"] / most_rows) if bin["rows"] else 0
    cut = Markup(" data-cut") if bin["from"] >= max_length else ""
    return Markup('<li title="{}"{}><i style="height:{:.1f}%"></i><span class="ts-sr">{}</span></li>').format(
        words, cut, height, words
    )
