"""The Train page before there is anything to train: the one thing to do next, in the place of the form."""

from collections.abc import Mapping

import gradio as gr
from markupsafe import Markup

from engine.models import models
from engine.weights.starter import STARTER_NAME
from pages.parts import html, live, toasts
from pages.parts.icons import icon
from pages.train.recipe_source import why_not_dataset, why_not_model
from storage import datasets as stored_datasets
from storage import models as stored_models
from storage.db import reading
from storage.statuses import ModelStatus

SECONDS = 3
LOOKED_AT = 50  # of the newest; who has more has something to train


def draw() -> None:
    """The part that takes the place of the form while something is missing."""
    live.acting(live.live("needs", needs_html, SECONDS, actions=True), act)


def needs_html(query: Mapping[str, str]) -> str:
    """What is missing before a training can be set up; nothing when there is a model and a dataset for one."""
    with reading() as session:
        all_models = stored_models.recent(session, LOOKED_AT)
        datasets = stored_datasets.recent(session, query["project"], LOOKED_AT)
    if not any(why_not_model(model) is None for model in all_models):
        coming = next((model for model in all_models if model.status == ModelStatus.QUEUED), None)
        if coming is None:
            return str(_no_model(bool(all_models)))
        bar = html.progress(coming.progress, f"Fetching {coming.name}")
        return str(_empty("models", f"{coming.name} is being fetched", coming.stage or "Waiting for its turn.", bar))
    if any(why_not_dataset(dataset) is None for dataset in datasets):
        return ""
    text = "A training learns from your rows: chats, questions with answers, or plain text, in any common format."
    words = "Your datasets cannot be trained on yet" if datasets else "Now it needs data to learn from"
    return str(_empty("data", words, text, html.link_button("Open Data", "/data", primary=True)))


def _no_model(has_others: bool) -> Markup:
    text = f"{STARTER_NAME} is small enough to train on a laptop without a GPU. The download is about 93 MB, once."
    title = "None of your models can be trained here" if has_others else "A training starts from a model"
    starter = html.button("Get the starter", "starter", tone="primary")
    return _empty("models", title, text, starter + html.link_button("Add another model", "/models"))


def _empty(picture: str, title: str, text: str, action: Markup) -> Markup:
    return Markup(
        '<div class="ts-empty tr-nothing"><span class="ts-empty-icon">{}</span><h2>{}</h2><p>{}</p>'
        '<div class="ts-actions">{}</div></div>'
    ).format(icon(picture), title, text, action)


def act(_event: gr.EventData) -> None:
    """The one button: the starter."""
    with toasts.toast():
        models.add_model("starter")
