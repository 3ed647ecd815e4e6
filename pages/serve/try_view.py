"""Try it: one prompt to an endpoint from its card. The browser asks /v1 itself, with the session's own right."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.serve import endpoints
from pages.parts import html

PROMPT, ANSWER = "What is 17 plus 6?", "17 plus 6 equals 23."
ROUTES = {"chat/completions": "Chat", "completions": "Plain text", "embeddings": "Vector", "score": "Score"}


def try_html(query: Mapping[str, str]) -> str:
    """The prompt, the name that is to answer, and room for the answer; app/static/serving.js does the rest."""
    try:
        facts = endpoints.describe(endpoints.look_up(query.get("endpoint", "")))
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint))
    id = facts["id"]
    return str(
        Markup(
            '<form class="sv-try" data-try><div class="sv-row">{}'
            '<label class="sv-field-of"><span>Asked as</span><select name="route" class="ts-input">{}</select></label>'
            '</div><label class="sv-field-of" for="prompt-{}"><span>Prompt</span></label>'
            '<textarea class="ts-input" id="prompt-{}" name="prompt" rows="2" maxlength="20000" required>{}</textarea>'
            '<label class="sv-field-of sv-scored"><span>Answer to score</span>'
            '<textarea class="ts-input" name="answer" rows="2" maxlength="20000">{}</textarea></label>'
            '<div class="ts-actions"><button class="ts-button" data-tone="primary" type="submit">Ask</button>'
            '<button class="ts-button" type="button" data-stop hidden>Stop</button>'
            '<span class="ts-note" data-took></span></div>'
            '<output class="sv-answer" aria-live="polite" hidden></output></form>'
        ).format(names_field(facts["models"] or [facts["name"]]), _routes(facts["does"]), id, id, PROMPT, ANSWER)
    )


def _routes(does: str) -> Markup:
    """The calls of /v1, the one that this endpoint answers chosen."""
    chosen = {"embeddings": "embeddings", "scores": "score"}.get(does, "chat/completions")
    return html.join(
        Markup('<option value="{}"{}>{}</option>').format(route, Markup(" selected") if route == chosen else "", title)
        for route, title in ROUTES.items()
    )


def names_field(names: list[str], chosen: str = "") -> Markup:
    """A choice of the names that an endpoint answers to."""
    choices = html.join(
        Markup('<option value="{}"{}>{}</option>').format(name, Markup(" selected") if name == chosen else "", name)
        for name in names
    )
    return Markup(
        '<label class="sv-field-of"><span>Name</span><select name="model" class="ts-input">{}</select></label>'
    ).format(choices)
