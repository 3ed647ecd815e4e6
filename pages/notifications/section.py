"""The section of the System page that says who is told what happens to runs."""

from collections.abc import Mapping

import gradio as gr
from markupsafe import Markup

from engine.errors import NotFoundError, TunesmithError
from engine.notifications import settings, trying
from engine.notifications.sink import Sink
from pages.notifications import sink_form
from pages.notifications.sinks_view import sinks_html
from pages.parts import live, toasts


def section() -> None:
    """A live list with its forms, and the signing secret of a new webhook, shown once."""
    with gr.Column(elem_id="notifications", elem_classes="ts-panel"):
        gr.HTML(str(_heading()), js_on_load=None, apply_default_css=False)
        secret = gr.Textbox(
            label="The signing secret of the new webhook. Copy it now: it is not shown again.",
            visible=False,
            interactive=False,
            buttons=["copy"],
            elem_id="sink-secret",
        )
        shown = live.live("sinks", sinks_html, seconds=10, actions=True)
        shown.action(act, None, secret, **live.ACTING).then(None, js=live.REFRESH, **live.QUIET)


def _heading() -> Markup:
    return Markup(
        '<h2 class="ts-section">Notifications</h2>'
        '<p class="ts-note">When a run finishes, fails, is interrupted, goes on, makes no step or gets better, and when'
        " the disk is nearly full. The bell shows it here; messages go to the places below.</p>"
    )


def act(event: gr.EventData) -> object:
    """What a button or form of the section does. Returns the signing secret that was made, for the one who asked."""
    with toasts.toast():
        made = ACTS[event.name](event.id, event.values)
        return gr.update(value=made, visible=True) if made else gr.skip()
    return gr.skip()


def _add(_id: str, values: Mapping[str, str]) -> str:
    made = settings.set_sinks([*settings.as_sinks(), sink_form.as_sink(values)])
    toasts.done("Added. Press Test to see whether it works.")
    return next(iter(made.values()), "")


def _changed(sink_id: str, **changes: object) -> str:
    sinks = settings.as_sinks()
    if all(sink.id != sink_id for sink in sinks):
        raise NotFoundError("This destination no longer exists.", "Reload the page.")
    settings.set_sinks([Sink.model_validate(_with(sink, changes if sink.id == sink_id else {})) for sink in sinks])
    return ""


def _with(sink: Sink, changes: dict[str, object]) -> dict[str, object]:
    return {**sink.model_dump(exclude_unset=True), **changes}


def _switch(sink_id: str, _values: Mapping[str, str]) -> str:
    enabled = any(sink.id == sink_id and sink.enabled for sink in settings.as_sinks())
    return _changed(sink_id, enabled=not enabled)


def _kinds(sink_id: str, values: Mapping[str, str]) -> str:
    return _changed(sink_id, kinds=sink_form.chosen_kinds(values))


def _delete(sink_id: str, _values: Mapping[str, str]) -> str:
    settings.set_sinks([sink for sink in settings.as_sinks() if sink.id != sink_id])
    return ""


def _test(sink_id: str, _values: Mapping[str, str]) -> str:
    (tried,) = trying.try_sinks(sink_id)
    if not tried.ok:
        raise TunesmithError(f"{tried.name} did not take the message.", tried.outcome)
    toasts.done(f"{tried.name}: {tried.outcome}")
    return ""


def _general(_id: str, values: Mapping[str, str]) -> str:
    settings.change(sink_form.as_settings(values))
    toasts.done("Saved.")
    return ""


ACTS = {"add": _add, "switch": _switch, "kinds": _kinds, "delete": _delete, "test": _test, "general": _general}
