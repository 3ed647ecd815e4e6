"""Characters that hide what a text says: control characters, and those that turn the direction of writing.

Code may read otherwise than it runs when it holds U+202E (CVE-2021-42574), and a terminal obeys ESC. A text is kept as
it is, for code must be exact; it is warned of, and what shows it on a terminal writes such characters as `<U+202E>`.
"""

import unicodedata
from functools import lru_cache

BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = frozenset("\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u115f\u1160\u3164\uffa0")
SMUGGLED = (range(0xE0000, 0xE0080), range(0xE0100, 0xE01F0), range(0xFFF9, 0xFFFC))  # whole sentences can hide in them
_USUAL = frozenset("\n\t")
MOST_NAMED = 5


@lru_cache(8192)
def is_hidden(letter: str) -> bool:
    """Whether a character cannot be seen, and changes or may change what is read."""
    if letter in _USUAL or (letter.isalnum() and letter not in INVISIBLE):
        return False
    if letter in BIDI or letter in INVISIBLE or any(ord(letter) in hidden for hidden in SMUGGLED):
        return True
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Zl", "Zp")


def escaped(text: str) -> str:
    """The text with each such character written as `<U+202E>`; lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(letter):04X}>" if is_hidden(letter) else letter for letter in text)


def warning(text: str, what: str) -> str:
    """A sentence that says which there are and where; empty when there are none. `what` names the text."""
    text = text.replace("\r\n", "\n")
    first_lines: dict[str, int] = {}  # with the line of the first
    for number, line in enumerate(text.split("\n"), 1):
        if not (line.isascii() and line.replace("\t", "").isprintable()):
            for letter in filter(is_hidden, line):
                first_lines.setdefault(letter, number)
    if not first_lines:
        return ""
    named = [f"{_name(letter)} in line {line}" for letter, line in list(first_lines.items())[:MOST_NAMED]]
    more = f" and {len(first_lines) - MOST_NAMED} more" if len(first_lines) > MOST_NAMED else ""
    return f"{what} has characters that cannot be seen: {', '.join(named)}{more}. It may not run as it reads."


def _name(letter: str) -> str:
    name = unicodedata.name(letter, "").lower()
    return f"U+{ord(letter):04X}" + (f" ({name})" if name else "")


def storable(text: str) -> str:
    """The text without what no database and no file takes: U+0000 and half surrogates become U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
