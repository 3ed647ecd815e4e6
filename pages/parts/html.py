"""Escaped HTML and the way numbers are written. Everything here takes plain values and returns `Markup`.

User text only ever enters through `Markup.format` or `escape`; nothing here builds HTML by joining raw strings.
"""

import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from engine import sizes
from pages.parts.filling import escaped, filled
from pages.parts.icons import icon

Kind = Literal["text", "number", "actions"]


@dataclass(frozen=True)
class Header:
    """The head of a column. Numbers stand right; actions take no more room than they need.

    `room` is its least width in characters: a column whose words change keeps its place. `href` leads to the same
    table sorted by it; `order` says that it is sorted so now.
    """

    title: str
    kind: Kind = "text"
    room: int = 0
    href: str = ""
    order: Literal["", "ascending", "descending"] = ""


@dataclass(frozen=True)
class Row:
    """A row's cells, and the id its buttons act on. `href` makes the whole row lead there."""

    cells: Sequence[object]
    id: str = ""
    href: str = ""
    selected: bool = False


_WITH = '<td data-kind="{}" data-label="{}">'
_WITHOUT = '<td data-kind="{}" data-label="{}" data-empty>'  # a phone leaves it out
_CELL_END, _ROW_END = Markup("</td>"), Markup("</tr>")
_TONES = {
    "running": "live",
    "ready": "good",
    "succeeded": "good",
    "failed": "bad",
    "interrupted": "warn",
    "stopping": "warn",
    "draining": "warn",
    "needs_mapping": "warn",
    "does_not_answer": "warn",
    "starting": "live",
    "importing": "live",
    "fetching": "live",
    "installing": "live",
}


def badge(status: str, title: str = "") -> Markup:
    """A status as a word with a dot; the colour only repeats what the word says."""
    return filled(
        '<span class="ts-badge" data-tone="{}" title="{}"><i></i>{}</span>',
        _TONES.get(status, "calm"),
        title,
        status.replace("_", " "),
    )


def progress(value: float | None, label: str = "Progress", tone: str = "") -> Markup:
    """A bar from 0 to 1; None is work of unknown length."""
    if value is None:
        return filled(
            '<div class="ts-bar" data-tone="{}" data-unknown role="progressbar" aria-label="{}"><i></i></div>',
            tone,
            label,
        )
    percent = round(100 * min(1.0, max(0.0, value)), 1)
    return filled(
        '<div class="ts-bar" data-tone="{}" role="progressbar" aria-label="{}" aria-valuemin="0" aria-valuemax="100"'
        ' aria-valuenow="{}"><i style="width:{}%"></i></div>',
        tone,
        label,
        percent,
        percent,
    )


def table(headers: Sequence[str | Header], rows: Sequence[Row], label: str) -> Markup:
    """A table in a card; on phones every row becomes a card of its own. `label` says what it lists."""
    columns = [Header(column) if isinstance(column, str) else column for column in headers]
    head = join(
        filled(
            '<th scope="col" data-kind="{}" style="min-width:{}ch"{}>{}</th>',
            column.kind,
            column.room,
            filled(' aria-sort="{}"', column.order) if column.order else "",
            _head(column),
        )
        for column in columns
    )
    # A long table has hundreds of cells: what is the same in each row is formatted once.
    openings = [
        (filled(_WITH, *told), filled(_WITHOUT, *told)) for told in ((column.kind, column.title) for column in columns)
    ]
    body = join(_row(openings, row) for row in rows)
    return filled(
        '<div class="ts-table" tabindex="0" role="region" aria-label="{}"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        label,
        head,
        body,
    )


def _head(column: Header) -> Markup | str:
    if column.kind == "actions":
        return filled('<span class="ts-sr">{}</span>', column.title)
    return filled('<a data-soft href="{}">{}</a>', column.href, column.title) if column.href else column.title


def _row(openings: Sequence[tuple[Markup, Markup]], row: Row) -> Markup:
    selected = Markup(' aria-selected="true"') if row.selected else ""
    row_opening = filled('<tr data-id="{}" data-href="{}"{}>', row.id, row.href, selected)
    parts: list[object] = [row_opening]
    for opening, value in zip(openings, row.cells, strict=True):
        parts += (opening[value == DASH], value, _CELL_END)
    return join((*parts, _ROW_END))


def empty(title: str, text: str, link: str = "", label: str = "", picture: str = "") -> Markup:
    """An empty state: what would be here, and the one thing to do next."""
    drawing = filled('<span class="ts-empty-icon">{}</span>', icon(picture)) if picture else ""
    action = link_button(label, link, primary=True) if link else ""
    return filled('<div class="ts-empty">{}<h2>{}</h2><p>{}</p>{}</div>', drawing, title, text, action)


def button(label: str, act: str, id: str = "", confirm: str = "", tone: str = "") -> Markup:
    """A button of a live fragment: `act` and the id (its own or its row's) reach the page's action.

    With `confirm`, a dialog asks that question first. `tone` is "", "primary" or "danger".
    """
    data_id = filled(' data-id="{}"', id) if id else ""
    data_confirm = filled(' data-confirm="{}"', confirm) if confirm else ""
    return filled(
        '<button type="button" class="ts-button" data-tone="{}" data-act="{}"{}{}>{}</button>',
        tone,
        act,
        data_id,
        data_confirm,
        label,
    )


def link_button(label: str, href: str, primary: bool = False) -> Markup:
    return filled('<a class="ts-button" data-tone="{}" href="{}">{}</a>', "primary" if primary else "", href, label)


def link(label: object, href: str, soft: bool = False) -> Markup:
    """A link. A soft one changes only the query of the page it is on, without loading the page again."""
    return filled('<a class="ts-link" href="{}"{}>{}</a>', href, Markup(" data-soft") if soft else "", label)


def notice(message: str, hint: str = "", tone: Literal["bad", "warn", "calm", "good"] = "bad") -> Markup:
    """A message that stays, with what to do about it in its second line."""
    hint_html = filled("<p>{}</p>", linked(hint)) if hint else ""
    return filled(
        '<div class="ts-notice" data-tone="{}" role="status"><b>{}</b>{}</div>', tone, linked(message), hint_html
    )


def in_title(name: str, before: str = "", guide: str = "", follow: bool = False) -> Markup:
    """What the window's title and heading say is shown: `before · name`. `guide`: the document that "?" opens then.

    With `follow`, a hidden tab goes on asking, so that its title stays true.
    """
    return filled(
        '<span hidden data-shown="{}" data-before="{}" data-guide="{}"{}></span>',
        name,
        before,
        guide,
        Markup(" data-follow") if follow else "",
    )


def linked(text: object) -> Markup:
    """The text, with each file of docs/ that it names as a link to where the Help page shows it."""
    return Markup(_DOCUMENT.sub(r'<a class="ts-link" href="/help?page=\1">\g<0></a>', str(escape(text))))


_DOCUMENT = re.compile(r"docs/(?:guide/)?([a-z-]+)\.md")


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Names and values in two columns; pairs without a value are left out."""
    items = join(
        filled("<div><dt>{}</dt><dd>{}</dd></div>", name, value) for name, value in pairs if value not in (None, "")
    )
    return filled('<dl class="ts-facts">{}</dl>', items)


def card(title: str, *content: object, aside: object = "", id: str = "") -> Markup:
    """A card with a heading; `aside` stands at the heading's right end."""
    return filled(
        '<section class="ts-card"{}><header><h2>{}</h2>{}</header>{}</section>',
        filled(' id="{}"', id) if id else "",
        title,
        aside,
        join(content),
    )


def join(parts: Iterable[object]) -> Markup:
    return Markup("".join(map(escaped, parts)))


DASH = "–"


def size(count: float | None) -> str:
    return DASH if count is None else sizes.in_words(count)


def remaining(seconds: float | None) -> str:
    """An estimate: without the seconds once there are ten minutes."""
    return duration(round(seconds / 60) * 60 if seconds is not None and seconds >= 600 else seconds)


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: 12 s, 3 min 5 s, 2 h 10 min, 4 d 3 h."""
    if seconds is None or seconds < 0:
        return DASH
    whole = round(seconds)
    for unit, length, smaller, divisor in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // divisor
            return f"{whole // length} {unit} {rest} {smaller}" if rest else f"{whole // length} {unit}"
    return f"{whole} s"


def ago(timestamp: float | None) -> str:
    """How long ago, in one unit, so that it does not change at every refresh."""
    if timestamp is None:
        return DASH
    elapsed = max(0.0, time.time() - timestamp)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if elapsed >= length:
            return f"{int(elapsed // length)} {unit} ago"
    return "just now"


def moment(timestamp: float | None) -> Markup:
    """How long ago, with the exact time as its title."""
    if timestamp is None:
        return Markup(DASH)
    exact = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(timestamp))
    return filled('<time title="{}">{}</time>', exact, ago(timestamp))


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits; very small and very large ones in powers of ten."""
    if value is None:
        return DASH
    if not math.isfinite(value):
        return str(value)
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.{digits - 2}e}"
    return f"{value:,.{max(0, digits - len(str(int(abs(value)))))}f}"


def count(value: int | None) -> str:
    """A count with thin groups: 1,234; from a million on as 1.2 M or 3.4 B."""
    if value is None:
        return DASH
    for unit, length in (("B", 10**9), ("M", 10**6)):
        if value >= length:
            return f"{value / length:.1f} {unit}"
    return f"{value:,}"
