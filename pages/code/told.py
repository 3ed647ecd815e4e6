"""The line beside Run: what is going on or was done, and what the browser is asked to do with it.

The browser does it once for each number: `at` puts something into the address, `kept` forgets the draft of a snippet,
`base` is the newest version that the editor's text knows of, `to` goes to a page, `save` saves a file on this machine.
"""

import json
from secrets import token_hex

from markupsafe import Markup

from pages.parts import marks


def line(words: str, *, busy: str = "", tone: str = "", **asked: object) -> str:
    """As HTML. `busy`, write or run, lets nothing else be pressed; what is written can be stopped."""
    return str(
        Markup('<p class="cd-told" role="status" data-tone="{}" data-number="{}" data-do="{}"{}>{}</p>').format(
            tone,
            token_hex(4),
            json.dumps(asked),
            Markup(' data-busy="{}"').format(busy) if busy else "",
            marks.shown(words, 300),
        )
    )
