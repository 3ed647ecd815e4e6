"""What a key may be limited to, as fields of a form and in the words of a list."""

import time
from typing import Any

import gradio as gr
from markupsafe import Markup
from pydantic import ValidationError

from engine.accounts.key_limits import KeyLimits
from engine.errors import RefusedError
from engine.recipes import recipe
from pages.parts import html
from storage.tables import ApiKey

DAY_SECONDS = 86_400
EXPIRIES = [("Never", 0), ("In a day", 1), ("In a week", 7), ("In 30 days", 30), ("In 90 days", 90), ("In a year", 365)]


def fields() -> list[Any]:
    """Models, requests a minute, tokens a day, expiry."""
    return [
        gr.Textbox(
            label="Models", info="Empty: every model. * stands for any text.", max_lines=1,
            placeholder="jokes, riddles:*", max_length=2000, elem_id="key-models",
        ),
        gr.Number(0, label="Requests a minute", info="0 for no limit.", precision=0, elem_id="key-requests"),
        gr.Number(0, label="Tokens a day", info="0 for no limit.", precision=0, elem_id="key-tokens"),
        gr.Dropdown(EXPIRIES, value=0, label="Expires", info="After that the key is refused.", elem_id="key-expires"),
    ]  # fmt: skip


def limits(models: str, requests: float | None, tokens: float | None, days: int) -> KeyLimits:
    """The limits that the form says; empty fields and zeros are none. Raises RefusedError, a line for each problem."""
    names = [name.strip() for name in (models or "").split(",") if name.strip()]
    try:
        return KeyLimits(
            models=names or None,
            requests_per_minute=int(requests) if requests else None,
            tokens_per_day=int(tokens) if tokens else None,
            expires_in=days * DAY_SECONDS if days else None,
        )
    except ValidationError as error:
        raise RefusedError("The limits of the key are wrong.", "\n".join(recipe.problems(error, "limit"))) from error


def limits_in_words(key: ApiKey) -> Markup:
    """What holds for a key, in one cell."""
    words = []
    if key.models is not None:
        words.append(
            Markup("only {}").format(html.join(Markup("<code>{}</code> ").format(name) for name in key.models))
        )
    if key.requests_per_minute is not None:
        words.append(Markup("{} requests a minute").format(html.count(key.requests_per_minute)))
    if key.tokens_per_day is not None:
        words.append(Markup("{} tokens a day").format(html.count(key.tokens_per_day)))
    return Markup("<br>").join(words) if words else Markup("none")


def expiry(expires_at: float | None) -> Markup:
    """When a key stops working, or that it has."""
    if expires_at is None:
        return Markup("never")
    left = expires_at - time.time()
    exact = time.strftime("%Y-%m-%d %H:%M", time.localtime(expires_at))
    words = f"in {html.remaining(left)}" if left > 0 else "expired"
    return Markup('<time title="{}">{}</time>').format(exact, words)
