"""The versions of a snippet: what each came from and whether it ran; two of them compared, line by line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from pages.parts import html, marks

MOST_LINES, MOST_CHARACTERS, MOST_OF_LINE = 3000, 200_000, 2000  # of a comparison; characters of one line
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_KINDS = {"+": "new", "-": "old"}
_NONE = "/dev/null"


def address(snippet_id: str, **query: object) -> str:
    """A place on this page."""
    return f"/code?{urlencode({'snippet': snippet_id, **query})}"


def pair_of(query: Mapping[str, str]) -> tuple[int, int] | None:
    """Which two versions the address compares, `?from=1&to=3`."""
    numbers = [int(query[name]) for name in ("from", "to") if query.get(name, "").isdecimal() and len(query[name]) < 7]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def diff_html(unified: str) -> Markup:
    """A unified diff with its line numbers. Each line begins with its sign: it reads without colours too."""
    lines = unified.removesuffix("\n").split("\n") if unified else []
    if not lines:
        return Markup('<p class="ts-note">The same, to the last character.</p>')
    count = _shown_lines(lines)
    rest = Markup('<p class="ts-note">{} more lines.</p>').format(f"{len(lines) - count:,}")
    return Markup(
        '<div class="cd-diff" tabindex="0" role="region" aria-label="Differences"><table>{}</table></div>{}'
    ).format(html.join(_rows(lines[:count])), rest if len(lines) > count else "")


def _shown_lines(lines: Sequence[str]) -> int:
    """How many lines the page has room for."""
    room = MOST_CHARACTERS
    for count, line in enumerate(lines[:MOST_LINES]):
        room -= min(len(line), MOST_OF_LINE)
        if room < 0:
            return count
    return min(len(lines), MOST_LINES)


def _rows(lines: Sequence[str]) -> Iterator[Markup]:
    """A row for each line. How long a hunk is says its head: a removed line may look like the head of a file."""
    place, left, old_name = [0, 0], [0, 0], ""  # in the old and the new file: number of the next line, lines to come
    for line in lines:
        hunk = None if any(left) else _HUNK.match(line)
        if hunk:
            place, left = [int(hunk[1]), int(hunk[3])], [int(hunk[2] or 1), int(hunk[4] or 1)]
            yield _wide("hunk", line)
        elif line.startswith("\\"):
            yield _wide("hunk", line.removeprefix("\\"))
        elif any(left):
            kind = _KINDS.get(line[:1], "same")
            sides = [side for side, other in enumerate(("new", "old")) if kind != other]
            yield _numbered(kind, [place[side] if side in sides else None for side in (0, 1)], line)
            for side in sides:
                place[side], left[side] = place[side] + 1, left[side] - 1
        elif line.startswith("--- "):
            old_name = line.removeprefix("--- ")
        else:
            yield _wide("file", _file(old_name, line.removeprefix("+++ ")))


def _file(before: str, after: str) -> str:
    """Which file, and whether it came or went."""
    if before == _NONE:
        return f"{after.removeprefix('b/')}, new"
    return f"{before.removeprefix('a/')}, removed" if after == _NONE else after.removeprefix("b/")


def _wide(kind: str, line: str) -> Markup:
    return Markup('<tr data-line="{}"><td colspan="3">{}</td></tr>').format(
        kind, marks.shown(line.strip(), MOST_OF_LINE)
    )


def _numbered(kind: str, numbers: Sequence[int | None], line: str) -> Markup:
    cells = html.join(Markup("<td>{}</td>").format("" if number is None else number) for number in numbers)
    return Markup('<tr data-line="{}">{}<td>{}</td></tr>').format(kind, cells, marks.shown(line, MOST_OF_LINE))
