"""Models: the base models there are, what each can do here, and how to get another."""

from collections.abc import Mapping

import gradio as gr
from markupsafe import Markup

from engine.models import models
from engine.weights import token_facts
from engine.weights.starter import STARTER_NAME
from pages import models_list
from pages.parts import html, listed, live, toasts
from pages.parts.icons import icon
from storage import models as stored_models
from storage.db import reading
from storage.statuses import ModelStatus
from storage.tables import Model

SLUG, TITLE, SUBTITLE, KEY, ICON = "models", "Models", "The base models your trainings start from.", "m", "models"
GROUP = "Prepare"


def page() -> None:
    """The models, and under them the ways to get one."""
    live.acting(live.live("models", models_html, actions=True), act)
    live.acting(live.live("add", add_html, seconds=30, actions=True), act)


def models_html(query: Mapping[str, str]) -> str:
    """A card for each model, a page of them at a time; without any, the one thing to do."""

    def card(model: Model, box: Markup) -> Markup:
        return _card(model, box, query.get("role") == "viewer")

    return str(models_list.list_html(query, card, _no_models))


def _no_models() -> Markup:
    return Markup(
        '<div class="ts-empty"><span class="ts-empty-icon">{}</span><h3>{}</h3><p>{}</p>'
        '<div class="ts-actions">{}</div></div>'
    ).format(
        icon("models"),
        "Begin with the starter model",
        f"{STARTER_NAME}: 135 million parameters, Apache-2.0. It is small enough to train on a laptop without a GPU, "
        "and it answers real questions. The download is about 93 MB, once.",
        html.button("Get the starter", "starter", tone="primary"),
    )


def _card(model: Model, box: Markup, for_visitor: bool = False) -> Markup:
    """`box` chooses it in the list."""
    return Markup(
        '<article class="ts-card mo-card" data-id="{}" data-key="{}"><header>{}<h2>{}</h2>{}</header>'
        '<p class="mo-source">{}</p>{}{}<footer class="ts-actions">{}</footer></article>'
    ).format(
        model.id, model.id, box, model.name, _badge(model), _source(model, for_visitor), _state(model),
        Markup() if for_visitor else listed.words(model), _buttons(model),
    )  # fmt: skip


def _badge(model: Model) -> Markup:
    return html.badge("fetching" if model.status == ModelStatus.QUEUED else model.status)


def _source(model: Model, for_visitor: bool) -> str:
    """Where it came from. Paths of this machine are nothing for a visitor of a share link."""
    sources = {"starter": "Starter model", "hub": "From the hub", "path": "From a folder here"}
    words = sources.get(model.source, model.source)
    is_said = model.source == "starter" or model.source_id == model.name or (for_visitor and model.source == "path")
    return words if is_said else f"{words}: {model.source_id}"


def _state(model: Model) -> Markup:
    match model.status:
        case ModelStatus.QUEUED:
            return _fetching(model)
        case ModelStatus.FAILED:
            return html.notice(model.error or "It could not be fetched.", model.hint or "")
    return _facts(model) + _remarks(model) + _verdict(model)


def _fetching(model: Model) -> Markup:
    share = "" if model.progress is None else f"{100 * model.progress:.0f} %"
    return Markup('<div class="mo-fetching"><p><span>{}</span><span>{}</span></p>{}</div>').format(
        model.stage or "Waiting", share, html.progress(model.progress, f"Fetching {model.name}")
    )


def _facts(model: Model) -> Markup:
    return html.facts(
        (
            ("Parameters", html.count(model.parameters)),
            ("Size on disk", html.size(model.size_bytes)),
            ("Context", f"{model.context_length:,} tokens" if model.context_length else html.DASH),
            ("Licence", model.licence or "not stated"),
            ("Chat template", "yes" if model.has_chat_template else "no"),
            ("Architecture", model.architecture),
            *_token_facts(token_facts.of(model.token_facts)),
        )
    )


def _token_facts(facts: token_facts.TokenFacts | None) -> list[tuple[str, str]]:
    """What a worker has found in tokenizer and template."""
    if facts is None:
        return [("Answers end with", "being looked at")]
    if facts.problem:
        return [("Answers end with", "not known")]
    return [("Answers end with", facts.ends_with or "no token"), ("Rows are padded with", facts.pad_in_words())]


def _remarks(model: Model) -> Markup:
    """What does not fit between its tokenizer, its template and its sizes."""
    facts = token_facts.of(model.token_facts)
    remarks = token_facts.remarks(facts) if facts else []
    return html.notice("Good to know", " ".join(remarks), "calm") if remarks else Markup()


def _verdict(model: Model) -> Markup:
    """Whether it can be trained here, and why not, in plain words."""
    if model.trainable is False:
        return html.notice("Cannot be trained here", model.untrainable_reason or "", "warn")
    words = "Can be trained here" if model.trainable else "Not looked at yet"
    return Markup('<p class="mo-verdict" data-good="{}">{}</p>').format("yes" if model.trainable else "no", words)


def _buttons(model: Model) -> Markup:
    train = html.link_button("Train", f"/train?model={model.id}")
    retry = html.button("Retry", "retry")
    question = f"Delete {model.name}? Files that the studio fetched are removed; a folder of your own stays."
    usable = model.status == ModelStatus.READY and model.trainable is not False
    return html.join(
        [
            train if usable else "",
            retry if model.status == ModelStatus.FAILED else "",
            html.button("Delete", "delete", confirm=question, tone="danger"),
        ]
    )


def add_html(_query: Mapping[str, str]) -> str:
    """Three forms, each adds a model. A form is made anew, and so emptied, when a model has come."""
    with reading() as session:
        count, has_starter = stored_models.count(session), stored_models.has_source(session, "starter")
    forms = [
        _way(count, "hub", "From the Hugging Face Hub", "Model id", "Qwen/Qwen3-0.6B",
             "Weights as safetensors only. Code of a repository is never run."),
        _way(count, "path", "From a folder on this machine", "Folder", "/data/models/my-model",
             "The folder stays where it is. It needs config.json, a tokenizer and safetensors."),
    ]  # fmt: skip
    starter = [] if has_starter or not count else [_starter_way()]
    return str(
        Markup('<h2 class="ts-section">Add a model</h2><div class="mo-ways">{}</div>').format(
            html.join(forms + starter)
        )
    )


def _way(model_count: int, act: str, title: str, label: str, example: str, help: str) -> Markup:
    return Markup(
        '<form class="ts-card mo-way" data-act="{act}" data-key="{act}-{turn}"><h3>{title}</h3>'
        '<label for="add-{act}">{label}</label><div><input id="add-{act}" name="id" placeholder="{example}" '
        'required maxlength="500" autocomplete="off" spellcheck="false"><button class="ts-button">Add</button></div>'
        "<p>{help}</p></form>"
    ).format(act=act, turn=model_count, title=title, label=label, example=example, help=help)


def _starter_way() -> Markup:
    return Markup('<div class="ts-card mo-way"><h3>The starter model</h3><p>{}</p><div>{}</div></div>').format(
        f"{STARTER_NAME} trains on a laptop without a GPU. About 93 MB to download, once.",
        html.button("Get the starter", "starter"),
    )


def act(event: gr.EventData) -> None:
    """What a button or a form of the page does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


def _starter(_id: str, _values: Mapping[str, str]) -> None:
    models.add_model("starter")


def _hub(_id: str, values: Mapping[str, str]) -> None:
    models.add_model("hub", values.get("id", "").strip())


def _path(_id: str, values: Mapping[str, str]) -> None:
    models.add_model("path", values.get("id", "").strip())


def _retry(id: str, _values: Mapping[str, str]) -> None:
    models.retry_model(id)


def _delete(id: str, _values: Mapping[str, str]) -> None:
    models.delete_model(id)


ACTS: dict[str, listed.Act] = {
    "starter": _starter,
    "hub": _hub,
    "path": _path,
    "retry": _retry,
    "delete": _delete,
    **models_list.ACTS,
}
FRAGMENTS: dict[str, live.Fragment] = {"models": models_html, "add": add_html}
