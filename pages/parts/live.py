"""Live fragments: HTML made on the server that refreshes itself by plain fetch.

A Gradio tick costs ten times as much and wipes the messages of validators, so nothing that polls is a Gradio event.
The browser's side is the element `<ts-live>` in app/static/live.js: it patches only what changed and keeps the focus.
Like charts and logs it asks by app/static/poll.js, which rests in a hidden tab and says so when the server is gone.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar

import gradio as gr
from markupsafe import Markup

Fragment = Callable[[Mapping[str, str]], str]
"""The page's query, with "project" from the cookie -> escaped HTML."""

PRIVATE = {"api_visibility": "private"}
"""For an event that may toast or stream."""

QUIET = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
"""For an event that neither toasts nor streams: one plain request."""

ACTING = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
"""For what a button of a live fragment does: it may toast."""

current_page: ContextVar[str] = ContextVar("current_page", default="home")
"""The page being built, as /fragments/ calls it. Set by `pages.shell.frame`."""

_TRIGGER = "if (window.tunesmith) tunesmith.actions(element, (detail) => trigger('action', detail));"


def live(name: str, html: Fragment, seconds: float = 2, actions: bool = False) -> gr.HTML:
    """The fragment `name` of the page being built, refreshed every `seconds`.

    `html` is what the page's FRAGMENTS has under that name, so that a reader of `page()` finds it. With `actions`, a
    button made by `html.button(..., act=...)` or a form with data-act triggers `.action(fn)`: fn takes `gr.EventData`
    with `.name` (the act), `.id` and `.values` (the fields of a form). `acting` wires it.
    """
    page = current_page.get()
    return gr.HTML(
        str(element(page, name, seconds)),
        js_on_load=_TRIGGER if actions else None,
        apply_default_css=False,
        elem_id=f"live-{page}-{name}",
        elem_classes="ts-live",
    )


def log_box(id: str, address: str) -> Markup:
    """A log that fetches itself from its address over REST: followed, searched, by level, to the first error."""
    return Markup('<ts-log data-keep id="log-{}" address="{}"></ts-log>').format(id, address)


def element(page: str, name: str, seconds: float = 2, at: str = "") -> Markup:
    """The element alone, to stand inside other HTML, which makes it look again at once by another `at`."""
    fresh = Markup(' data-fresh="at" at="{}"').format(at) if at else ""
    return Markup(
        '<ts-live data-keep id="fragment-{}-{}" src="/fragments/{}/{}" seconds="{:g}"{}>'
        '<div class="ts-skeleton"></div></ts-live>'
    ).format(page, name, page, name, seconds, fresh)


REFRESH = "() => { if (window.tunesmith) tunesmith.refresh(); }"


def acting(component: gr.HTML, act: Callable[..., None]) -> None:
    """Wires the buttons of a live fragment: `act(event: gr.EventData)` runs, then everything live is fetched anew."""
    component.action(act, None, None, **ACTING).then(None, js=REFRESH, **QUIET)
