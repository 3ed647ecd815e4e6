"""Asking the engine to act from a callback: what it refuses becomes a toast, anything else stays an error."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError

from engine.errors import TunesmithError
from engine.faults import of_machine
from pages.parts import html

TOAST_SECONDS = 8


@contextmanager
def toast() -> Iterator[None]:
    """Runs the block; a TunesmithError in it ends the block and is shown as a warning.

    Toasts render HTML, so the words are escaped. The event needs the queue (no `queue=False`), or nothing shows.
    """
    try:
        yield
    except TunesmithError as error:
        _warn(error)
    except (DBAPIError, OSError) as error:
        if (understood := of_machine(error)) is None:
            raise
        _warn(understood)


def _warn(error: TunesmithError) -> None:
    gr.Warning(error_html(error), duration=TOAST_SECONDS, title="That did not work")


def done(message: str) -> None:
    """Says in a toast that something has happened which the page itself does not show."""
    gr.Success(str(Markup("{}").format(message)), duration=4, title="Done")


def error_html(error: TunesmithError) -> str:
    """The message and, in a line of its own, the hint, escaped for a toast."""
    text = html.linked(error.message)
    return str(text + Markup("<br>{}").format(html.linked(error.hint)) if error.hint else text)
