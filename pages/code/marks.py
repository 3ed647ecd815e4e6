"""Strangers' text made safe to look at: escaped, what hides or turns it around shown as marks, cut where it is endless.

A right-to-left override shows code in another order than it runs in ("Trojan Source", CVE-2021-42574), and the escape
codes of a terminal hide what was printed. Here they are never obeyed: each stands there as its own number.
"""

import re

from markupsafe import Markup

from engine.code import hidden

MOST_SHOWN = 60_000  # characters of one text in the page; how many more there are is said
_UNUSUAL = re.compile(r"[^\n\t\x20-\x7e]")


def shown(text: str, most: int = MOST_SHOWN) -> Markup:
    """A text as HTML that looks like what is in it, and says where it was cut."""
    kept = text[:most].replace("\r\n", "\n")
    parts, place = [], 0
    for found in _UNUSUAL.finditer(kept):
        if hidden.is_hidden(found[0]):
            parts += [_escaped(kept[place : found.start()]), _mark(found[0])]
            place = found.end()
    parts.append(_escaped(kept[place:]))
    if len(text) > most:
        parts.append(Markup('<span class="cd-cut">\n… {} more characters</span>').format(f"{len(text) - most:,}"))
    return Markup("").join(parts)


def _escaped(text: str) -> Markup:
    return Markup("{}").format(text)


def _mark(character: str) -> Markup:
    return Markup('<span class="cd-mark">U+{:04X}</span>').format(ord(character))
