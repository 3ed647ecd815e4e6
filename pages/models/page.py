"""Models: the base models there are, one of them in full (`/models?model=ID`), and how to get another."""

from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from engine.models import deleting, hub, models
from engine.serve import base_models
from pages.models import list_view
from pages.models.add_view import add_html
from pages.models.cards import models_html
from pages.models.hub_view import asked_of, hub_html
from pages.models.one_view import one_html
from pages.models.suggest_view import suggest_html, suggested_html
from pages.parts import listed, live, toasts, undo
from pages.shell import project_of

SLUG, TITLE, SUBTITLE, KEY, ICON = "models", "Models", "The base models your trainings start from.", "m", "models"
GROUP = "Prepare"


def page() -> None:
    """The models or one of them; under them the ways to get one, what the hub answers, and what is suggested."""
    live.acting(live.live("models", shown_html, actions=True), act)
    live.acting(live.live("add", add_html, seconds=30, actions=True), act)
    sent = gr.UploadButton("Upload a GGUF file", file_types=[".gguf"], size="sm", scale=0, elem_id="models-upload")
    sent.upload(take_upload, sent, None, **live.ACTING).then(None, js=live.REFRESH, **live.QUIET)
    live.acting(live.live("hub", hub_html, actions=True), act)
    live.live("suggested", suggested_html, seconds=30)


def shown_html(query: Mapping[str, str]) -> str:
    """The list, or the model that the address names."""
    return one_html(query) if query.get("model") else models_html(query)


def act(event: gr.EventData, request: gr.Request | None) -> None:
    """What a button or a form of the page does."""
    with toasts.toast():
        values = {**event.values, "project": project_of(request)}
        ACTS[event.name](event.id, values)


def take_upload(path: str) -> None:
    """A GGUF file that has arrived."""
    with toasts.toast():
        model = models.add_upload(Path(path), Path(path).name)
        toasts.done(f"{model.name} is being turned back into weights that can be trained.")


def _starter(_id: str, _values: Mapping[str, str]) -> None:
    models.add_model("starter")


def _fetch(hub_id: str, _values: Mapping[str, str]) -> None:
    model = models.add_model("hub", hub_id)
    toasts.done(f"{model.name} is being fetched.")


def _ask_again(text: str, _values: Mapping[str, str]) -> None:
    hub.begin(asked_of(text))


def _chat(id: str, values: Mapping[str, str]) -> None:
    endpoint = base_models.serve_model(id, values["project"])
    toasts.done(f"{endpoint.name} is starting. Chat opens here once it answers.")


def _path(_id: str, values: Mapping[str, str]) -> None:
    models.add_model("path", values.get("id", "").strip())


def _retry(id: str, _values: Mapping[str, str]) -> None:
    models.retry_model(id)


def _cancel(id: str, _values: Mapping[str, str]) -> None:
    models.cancel_model(id)


def _delete(id: str, _values: Mapping[str, str]) -> None:
    deleting.delete_model(id)


ACTS: dict[str, listed.Act] = {
    "starter": _starter,
    "fetch": _fetch,
    "ask-again": _ask_again,
    "path": _path,
    "retry": _retry,
    "cancel": _cancel,
    "chat": _chat,
    "delete": _delete,
    **list_view.ACTS,
    **undo.acts(deleting.undo, deleting.free),
}
FRAGMENTS: dict[str, live.Fragment] = {
    "models": shown_html,
    "add": add_html,
    "hub": hub_html,
    "suggest": suggest_html,
    "suggested": suggested_html,
}
