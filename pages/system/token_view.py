"""The token of the Hugging Face hub: given here once, never shown again, removed with a click."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.process import hub_token
from pages.parts import html, toasts


def token_html(query: Mapping[str, str]) -> str:
    """Where the token comes from that is used, and a form for another. A visitor sees neither."""
    if query.get("role") == "viewer":
        return ""
    about = Markup('<p class="ts-note">{}</p>').format(
        "For models and datasets that are private or gated, and for uploads. It goes to the process that asks the hub, "
        "and nowhere else."
    )
    return str(html.card("Hugging Face Hub", about, _state(), _form()))


def _state() -> Markup:
    match hub_token.origin():
        case "environment":
            words = f"The studio was started with {hub_token.VARIABLE}, and uses that token."
            is_kept_too = hub_token.kept_at() is not None
            also = html.button("Remove the stored token", "forget-token") if is_kept_too else Markup()
            return Markup('<div class="sy-token">{}<span>{}</span>{}</div>').format(html.badge("in use"), words, also)
        case "home":
            return Markup('<div class="sy-token">{}<span>A token has been stored since {}.</span>{}</div>').format(
                html.badge("in use"), html.moment(hub_token.kept_at()), _remove()
            )
    return Markup('<p class="ts-note">There is no token: public models and datasets only.</p>')


def _remove() -> Markup:
    question = "Remove the token? Private and gated models cannot be downloaded until there is a new one."
    return html.button("Remove", "forget-token", confirm=question, tone="danger")


def _form() -> Markup:
    if hub_token.origin() == "environment":
        return Markup()
    label = "Another token" if hub_token.origin() else "Token"
    return Markup(
        '<form class="dt-fields sy-token-form" data-act="keep-token" data-key="token-{}"><label><b>{}</b>'
        '<input name="token" type="password" placeholder="hf_..." required maxlength="200" autocomplete="off"></label>'
        '<button class="ts-button" data-tone="primary" type="submit">Keep</button></form>'
    ).format(hub_token.kept_at() or 0, label)


def keep(_id: str, values: Mapping[str, str]) -> None:
    """Keeps the token of the form."""
    hub_token.keep(values.get("token", ""))
    toasts.done("The token is stored. It is not shown again.")


def forget(_id: str, _values: Mapping[str, str]) -> None:
    """Removes the kept token."""
    hub_token.forget()
