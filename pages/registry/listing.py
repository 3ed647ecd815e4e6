"""The list of models in the registry, or one of them."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.errors import NotFoundError
from engine.registry import described
from pages.parts import html
from pages.parts.filling import filled
from pages.parts.pager import page_number, pager_by_page, place_of
from pages.registry import keeping
from pages.registry.model_view import ROWS as VERSIONS
from pages.registry.model_view import model_html
from storage import db, registry

ROWS = 50


def registry_html(query: Mapping[str, str]) -> str:
    """One model when the query names one, else the project's models."""
    if not query.get("model"):
        return str(_list_html(query))
    try:
        return str(model_html(_page_of(query["model"], query), query))
    except NotFoundError:
        text = "It was deleted, or the link is incomplete."
        return str(html.empty("This model is no longer in the registry", text, "/registry", "All models"))


def _page_of(name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The model with the versions of the page that the address asks for; of the last page if there is no such one."""
    asked = (page_number(query) - 1) * VERSIONS
    facts = described.model(name, VERSIONS, asked)
    there = place_of(query, VERSIONS, facts["versions"]).offset
    return facts if there == asked else described.model(name, VERSIONS, there)


def _list_html(query: Mapping[str, str]) -> Markup:
    with db.reading() as session:
        place = place_of(query, ROWS, registry.count(session, query["project"]))
        rows = registry.recent(session, query["project"], ROWS, place.offset)
    keep = html.card("Keep a version", keeping.form(query), id="keep")
    if not rows:
        text = (
            "Keep the result of a run under a name. Each time you keep another one it gets the next number, and an "
            "alias such as production says which of them is in use."
        )
        nothing = html.empty("Nothing is kept yet", text, "/runs", "Finished runs", "registry")
        return filled('<div class="ts-stack">{}{}</div>', nothing, keep)
    headers = (
        "Model",
        html.Header("Versions", "number"),
        "Aliases",
        html.Header("Changed", "number"),
    )
    table = html.table(headers, [_row(facts) for facts in described.listed(rows)], "Models of the registry")
    pager = pager_by_page(place, "/registry", "models")
    return filled('<div class="ts-stack">{}{}{}</div>', table, pager, keep)


def _row(facts: Mapping[str, Any]) -> html.Row:
    href = f"/registry?model={facts['name']}"
    name = filled(
        '<div class="ts-name">{}<small>{}</small></div>', html.link(facts["name"], href, soft=True), facts["note"]
    )
    led = html.join(alias_html(alias, number) for alias, number in facts["aliases"].items()) or html.DASH
    cells = (name, html.count(facts["versions"]), led, html.moment(facts["updated_at"]))
    return html.Row(cells, id=facts["name"], href=href)


def alias_html(alias: str, number: int | None = None) -> Markup:
    """An alias as a small label, with the version it leads to."""
    leads = filled(" &rarr; {}", number) if number is not None else ""
    return filled('<span class="rg-alias">{}{}</span>', alias, leads)
