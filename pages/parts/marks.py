"""Strangers' text made safe to look at: escaped, what hides or turns it around shown as marks, cut where it is endless.

A right-to-left override shows code in another order than it runs in ("Trojan Source", CVE-2021-42574), and the escape
codes of a terminal hide what was printed. Here they are never obeyed: each stands there as its own number.
"""

import re
from itertools import islice

from markupsafe import Markup, escape

from engine import hidden

MOST_SHOWN = 60_000  # characters of one text in the page; how many more there are is said
MOST_MARKS = 500  # 6,000 in one text hold Chromium up for a second, 30,000 for half a minute
_UNUSUAL = re.compile(r"([^\n\t\x20-\x7e])\1*")


def shown(text: str, most: int = MOST_SHOWN) -> Markup:
    """A text as HTML that looks like what is in it, and says where it was cut."""
    kept = text[: _end(text[:most])]
    escaped = str(escape(kept.replace("\r\n", "\n")))
    marked = Markup(_UNUSUAL.sub(_mark, escaped))
    if len(text) > len(kept):
        marked += Markup('<span class="cd-cut">\n… {} more characters</span>').format(f"{len(text) - len(kept):,}")
    return marked


def _end(text: str) -> int:
    """Where a text ends that has no more than MOST_MARKS in it."""
    hiding = (match.start() for match in _UNUSUAL.finditer(text) if hidden.is_hidden(match[1]))
    return next(islice(hiding, MOST_MARKS, None), len(text))


def _mark(match: re.Match[str]) -> str:
    """One character, or the same several times."""
    if not hidden.is_hidden(match[1]):
        return match[0]
    times = f" ×{len(match[0])}" if len(match[0]) > 1 else ""
    return f'<span class="cd-mark">U+{ord(match[1]):04X}{times}</span>'
