"""The models as cards: what each is, how far its download is, whether it can be trained here."""

from collections.abc import Mapping
from typing import Literal

from markupsafe import Markup

from engine.models import gguf_files, models
from engine.weights import token_facts
from engine.weights.starter import STARTER_NAME
from pages.models import list_view
from pages.parts import html, listed
from pages.parts.icons import icon
from storage.statuses import ModelStatus
from storage.tables import Model


def models_html(query: Mapping[str, str]) -> str:
    """A card for each model, a page of them at a time; without any, the one thing to do."""

    def card(model: Model, box: Markup) -> Markup:
        return _card(model, box, query.get("role") == "viewer")

    return str(list_view.list_html(query, card, _no_models))


def _no_models() -> Markup:
    return Markup(
        '<div class="ts-empty"><span class="ts-empty-icon">{}</span><h2>{}</h2><p>{}</p>'
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
    name = Markup('<a data-soft href="/models?model={}">{}</a>').format(model.id, model.name)
    return Markup(
        '<article class="ts-card mo-card" data-id="{}" data-key="{}"><header>{}<h2>{}</h2>{}</header>'
        '<p class="mo-source">{}</p>{}{}<footer class="ts-actions">{}</footer></article>'
    ).format(
        model.id, model.id, box, name, badge(model), source(model, for_visitor), state(model),
        Markup() if for_visitor else listed.words(model), _buttons(model),
    )  # fmt: skip


def badge(model: Model) -> Markup:
    """Its status in a word."""
    words = {ModelStatus.QUEUED: "fetching", ModelStatus.FAILED: "stopped" if _was_stopped(model) else "failed"}
    return html.badge(words.get(model.status, str(model.status)))


def _was_stopped(model: Model) -> bool:
    """Whether a person ended its download, which is no failure."""
    return model.status == ModelStatus.FAILED and model.error == models.STOPPED


def source(model: Model, for_visitor: bool) -> str:
    """Where it came from. Paths of this machine are nothing for a visitor of a share link."""
    sources = {
        "starter": "Starter model", "hub": "From the hub", "path": "From a folder here",
        "gguf": "From a GGUF file here",
    }  # fmt: skip
    if gguf_files.is_upload(model):
        return "From an uploaded GGUF file"
    words = sources.get(model.source, model.source)
    is_path = model.source in ("path", "gguf")
    is_said = model.source == "starter" or model.source_id == model.name or (for_visitor and is_path)
    return words if is_said else f"{words}: {model.source_id}"


def state(model: Model) -> Markup:
    """How far its download is, why it failed, or what it is."""
    match model.status:
        case ModelStatus.QUEUED:
            return _fetching(model)
        case ModelStatus.FAILED:
            tone: Literal["calm", "bad"] = "calm" if _was_stopped(model) else "bad"
            return html.notice(model.error or "The download failed.", model.hint or "", tone)
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
        return [("Answers end with", "reading the tokenizer")]
    if facts.problem:
        return [("Answers end with", "not known")]
    return [("Answers end with", facts.ends_with or "no token"), ("Rows are padded with", facts.pad_in_words())]


def _remarks(model: Model) -> Markup:
    """What was lost on its way here, and what does not fit between its tokenizer, its template and its sizes."""
    facts = token_facts.of(model.token_facts)
    remarks = [*filter(None, [gguf_files.loss(model)]), *(token_facts.remarks(facts) if facts else [])]
    return html.notice("Good to know", " ".join(remarks), "calm") if remarks else Markup()


def _verdict(model: Model) -> Markup:
    """Whether it can be trained here, and why not, in plain words."""
    if model.trainable is False:
        return html.notice("Cannot be trained here", model.untrainable_reason or "", "warn")
    words = "Can be trained here" if model.trainable else "Not checked yet"
    return Markup('<p class="mo-verdict" data-good="{}">{}</p>').format("yes" if model.trainable else "no", words)


def _buttons(model: Model) -> Markup:
    return html.join([train_button(model), *state_buttons(model)])


def train_button(model: Model) -> Markup:
    """The way to a training on it, where one is possible."""
    usable = model.status == ModelStatus.READY and model.trainable is not False
    return html.link_button("Train", f"/train?model={model.id}") if usable else Markup()


def state_buttons(model: Model) -> list[Markup]:
    """What can be done about its files: stopped, retried, deleted."""
    question = f"Delete {model.name}? {list_view.LOSS}"
    return [
        html.button("Cancel", "cancel", model.id) if model.status == ModelStatus.QUEUED else Markup(),
        html.button("Retry", "retry", model.id) if model.status == ModelStatus.FAILED else Markup(),
        html.button("Delete", "delete", model.id, confirm=question, tone="danger"),
    ]
