"""Suggestions on the Models page: a short list of families that the studio knows, and names while one types."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.models import suggested
from engine.models.suggested import Suggestion
from pages.parts import html
from storage import models as stored_models
from storage.db import reading
from storage.tables import Model

FIELD = "add-hub"
FEW = 2  # models: with so few the list stands open
NOTE = (
    "Tests of the studio train tiny models of these architectures and write chats in these families' formats; the "
    "first lesson trains the first one as it is. Sizes are computed from the published configurations, in 16 bits. "
    "What the hub has is checked when you look at it."
)


def suggested_html(query: Mapping[str, str]) -> str:
    """The list, folded once there are models. A click on a name writes it into the field. None beside one model."""
    if query.get("model"):
        return ""
    with reading() as session:
        model_count = stored_models.count(session)
        is_here = {one.id: stored_models.by_source(session, "hub", one.id) for one in suggested.SUGGESTED}
    headers = [
        html.Header("Model"),
        html.Header("What it is for"),
        html.Header("Parameters", "number"),
        html.Header("Size", "number"),
        html.Header("Licence", room=14),
    ]
    rows = [_row(one, is_here[one.id]) for one in suggested.SUGGESTED]
    return str(
        Markup(
            '<details class="ts-card ts-more mo-suggested" id="suggested"{}><summary>Suggested models</summary>'
            '<p class="ts-note">{}</p>{}</details>'
        ).format(
            Markup(" open") if model_count <= FEW and not query.get("hub") else "",
            NOTE,
            html.table(headers, rows, "Suggested models"),
        )
    )


def _row(one: Suggestion, here: Model | None) -> html.Row:
    if here is not None:
        name = html.link(one.id, f"/models?model={here.id}", soft=True)
    else:
        name = Markup(
            '<button type="button" class="ts-link mo-pick" data-fill="{}" data-value="{}">{}</button>'
        ).format(FIELD, one.id, one.id)
    terms = html.badge("terms", "You must accept its terms on the hub first.") if one.asks_terms else ""
    known = html.badge("here", "It is among your models.") if here is not None else ""
    cell = Markup('<div class="ts-name">{} {} {}</div>').format(name, terms, known)
    return html.Row((cell, one.use, html.count(one.parameters), html.size(one.size_bytes), one.licence), id=one.id)


def suggest_html(query: Mapping[str, str]) -> str:
    """Options for what stands in the field: models here, suggestions, then the hub's. Visitors ask no hub."""
    if query.get("role") == "viewer":
        return ""
    names = suggested.names(query.get("q", "")[:300])
    options = [
        *(_option(model.name, "here", href=f"/models?model={model.id}") for model in names.here),
        *(_option(one.id, f"{html.size(one.size_bytes)}, suggested") for one in names.suggested),
        *(_option(str(entry["id"]), _of_hub(entry)) for entry in names.hub),
    ]
    more = Markup("<i data-more hidden></i>") if names.more else ""
    return str(html.join([*options, more]))


def _of_hub(entry: Mapping[str, Any]) -> str:
    size = f"{html.count(entry['parameters'])} parameters, " if entry["parameters"] else ""
    return f"{size}on the hub"


def _option(name: str, words: str, href: str = "") -> Markup:
    """One that is here leads to it, another fills the field."""
    if href:
        return Markup('<a role="option" tabindex="-1" data-soft href="{}"><span>{}</span><small>{}</small></a>').format(
            href, name, words
        )
    return Markup(
        '<button type="button" role="option" tabindex="-1" data-fill="{}" data-value="{}"><span>{}</span>'
        "<small>{}</small></button>"
    ).format(FIELD, name, name, words)
