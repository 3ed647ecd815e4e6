"""The list of models as the address asks for it: searched, filtered, sorted, with what is done with the chosen ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.models import listing
from pages.parts import filters, html, listed, undo
from pages.parts.pager import pager_by_page, place_of
from storage import models as stored_models
from storage.db import reading
from storage.lists import models as stored
from storage.statuses import ModelStatus
from storage.tables import Model

CARDS = 24
FEW = 3  # that many are seen at a glance: no search, no filters
PLACE = listed.Place("/models", "model")
LOSS = "Downloaded and converted files are deleted; your own folder or file stays. You can undo it for 30 seconds."
SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("every model", {}),
    "trainable": ("can be trained here", {"trainable": True}),
    "ready": ("ready", {"status": ModelStatus.READY}),
    "fetching": ("being fetched", {"status": ModelStatus.QUEUED}),
    "failed": ("failed", {"status": ModelStatus.FAILED}),
}
SOURCES = (("", "every source"), ("starter", "the starter"), ("hub", "from the hub"), ("path", "from a folder"),
           ("gguf", "from a GGUF file"))  # fmt: skip
SORTED = (
    ("", "newest first"),
    ("created", "oldest first"),
    ("name", "by name"),
    ("parameters", "fewest parameters first"),
    ("-parameters", "most parameters first"),
    ("-size", "largest first"),
)
ACTS = listed.acts(listing.change, listing.act_on)


def list_html(query: listed.Query, card: Callable[[Model, Markup], Markup], nothing: Callable[[], Markup]) -> Markup:
    """The filters, what can be done with the chosen ones, and a page of cards.

    `card` draws a model beside the box that chooses it; `nothing` is drawn where there is no model at all.
    """
    query = {**query, "q": query.get("q", "").strip()}
    asked = filters_of(query)
    with reading() as session:
        place = place_of(query, CARDS, stored.count(session, asked))
        models = stored.page(session, asked, CARDS, place.offset)
        tags = stored.tags(session)
        still_there = stored_models.names(session, PLACE.chosen(query))
    if not models and not is_filtered(query):
        return undo.bar(Model) + nothing()
    query["chosen"] = ",".join(one for one in PLACE.chosen(query) if one in still_there)
    kept = {name: query[name] for name in listed.KEPT if name not in ("chosen", "page") and query.get(name)}
    cards = html.join(card(model, _box(query, model)) for model in models)
    needs_filters = is_filtered(query) or place.total > FEW or bool(tags)
    return Markup('<div class="ts-stack">{}{}{}{}{}</div>').format(
        undo.bar(Model) if query.get("role") != "viewer" else "",
        _filters(query, tags) if needs_filters else "",
        PLACE.bar(query, [model.id for model in models], LOSS),
        Markup('<div class="mo-grid">{}</div>').format(cards) if models else _none_fits(),
        pager_by_page(place, "/models", "models", **kept),
    )


def filters_of(query: listed.Query) -> stored.Filters:
    """What the address asks for; what is not known counts as not asked."""
    sort = query.get("sort", "")
    return stored.Filters(
        search=query.get("q", "")[:120],
        source=query.get("source", "")[:40],
        tag=query.get("tag", "")[:40],
        order=sort if sort.removeprefix("-") in stored.ORDERS else stored.NEWEST,
        **SHOWN.get(query.get("status", ""), SHOWN[""])[1],
    )


def is_filtered(query: Mapping[str, str]) -> bool:
    return any(query.get(name) for name in listed.FILTERS)


def _filters(query: listed.Query, tags: Sequence[str]) -> Markup:
    offered: tuple[tuple[str, str, Sequence[tuple[str, str]]], ...] = (
        ("status", "Shown", [(key, words) for key, (words, _) in SHOWN.items()]),
        ("source", "Source", SOURCES),
        ("tag", "Tag", [("", "every tag"), *((tag, tag) for tag in tags)]),
        ("sort", "Sorted", SORTED),
    )
    selects = [
        filters.select(name, label, choices, query.get(name, ""))
        for name, label, choices in offered
        if len(choices) > 1 or query.get(name)
    ]
    return filters.form("search-models", query.get("q", ""), "Search by name, tag or description", *selects)


def _box(query: listed.Query, model: Model) -> Markup:
    """A visitor of a share link changes nothing, so chooses nothing."""
    return Markup() if query.get("role") == "viewer" else PLACE.box(query, model.id, model.name)


def _none_fits() -> Markup:
    return html.empty("No such model", "No model fits the filter.", "/models", "All models")
