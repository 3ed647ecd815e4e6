"""Words as bash has them on TAB: it cuts `run:first@100` into five, at each of COMP_WORDBREAKS, and completes the last.

So the pieces are put together again before they are read, and what stands before the last one is not offered again.
"""

import os
import re
from collections.abc import MutableMapping

_BREAK = re.compile("[:@=]+")  # of COMP_WORDBREAKS those that stand inside names and options
_QUOTES = re.compile(r"""\\(.)|["']""")
_PIECE = "_TUNESMITH_PIECE"  # what bash itself completes of the word


def joined(environment: MutableMapping[str, str]) -> None:
    """Rewrites COMP_WORDS, a word a line, and COMP_CWORD, the place of the one that is completed, for a TAB in bash."""
    environment.pop(_PIECE, None)
    words, place = environment.get("COMP_WORDS", "").split("\n"), int(environment.get("COMP_CWORD") or 0)
    if environment.get("_TUNESMITH_COMPLETE") != "complete_bash" or not 0 < place < len(words):
        return
    environment[_PIECE] = "" if _BREAK.fullmatch(words[place]) else words[place]
    together: list[str] = []
    for number, word in enumerate(words):
        before = words[number - 1]
        if number < 2 or not word:
            together.append(word)
        elif before.startswith("--") and word == "=":
            together.append("")  # the value of an option comes as a word of its own
        elif _BREAK.fullmatch(word) or _BREAK.fullmatch(before):
            together[-1] += word
        else:
            together.append(word)
        if number == place:
            environment["COMP_CWORD"] = str(len(together) - 1)
    environment["COMP_WORDS"] = "\n".join(together)


def standing(incomplete: str) -> int:
    """How many characters of what was typed bash leaves as they are. Quotes and backslashes are none of them."""
    piece = os.environ.get(_PIECE)
    return 0 if piece is None else max(0, len(incomplete) - len(_QUOTES.sub(r"\1", piece)))
