"""Asking the engine to act from a callback: what it refuses becomes a toast, anything else stays an error."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError

from engine.errors import TunesmithError
from engine.faults import of_machine
from pages.parts import html

LEAST_SECONDS, MOST_SECONDS = 8, 30
LETTERS_A_SECOND = 12  # read slowly, by somebody who first has to look up


@contextmanager
def toast() -> Iterator[None]:
    """Runs the block; a TunesmithError in it ends the block and is shown as a warning.

    Toasts render HTML, so the words are escaped. The event needs the queue (no `queue=False`), or nothing shows.
    """
    try:
        yield
    except TunesmithError as error:
        warn(error)
    except (DBAPIError, OSError) as error:
        if (understood := of_machine(error)) is None:
            raise
        warn(understood)


def warn(error: TunesmithError) -> None:
    """What was refused, in bold, and below it what to do. It stays as long as that takes to read.

    Gradio shows its own word for the kind ("Warning") in place of any title, so app/static/gradio.css hides that.
    """
    letters = len(error.message) + len(error.hint)
    seconds = min(MOST_SECONDS, max(LEAST_SECONDS, LEAST_SECONDS / 2 + letters / LETTERS_A_SECOND))
    gr.Warning(error_html(error), duration=seconds)


def done(message: str, link: str = "", href: str = "") -> None:
    """Says in a toast that something has happened which the page itself does not show; with a link to where it does."""
    way = Markup("<br>{}").format(html.link(link, href)) if href else ""
    gr.Success(str(Markup("{}{}").format(message, way)), duration=LEAST_SECONDS if href else 4)


def error_html(error: TunesmithError) -> str:
    """The message in bold and, in a line of its own, the hint, escaped for a toast."""
    text = Markup("<b>{}</b>").format(html.linked(error.message))
    return str(text + Markup("<br>{}").format(html.linked(error.hint)) if error.hint else text)
