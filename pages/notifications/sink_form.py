"""Forms of notifications: a new place, the kinds one is told, what holds for all; and what is read from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from pydantic import ValidationError

from engine.errors import RefusedError
from engine.notifications.kinds import KINDS, WORDS, Kind
from engine.notifications.settings import Settings
from engine.notifications.sink import Sink
from engine.recipes import recipe
from pages.parts import fields, html

SERVICES = {
    "webhook": "Webhook (signed JSON)",
    "slack": "Slack",
    "discord": "Discord",
    "teams": "Microsoft Teams",
    "ntfy": "ntfy",
    "email": "E-mail",
    "apprise": "Other, by apprise",
}
SECURITIES = [("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "none (no password)")]
MAIL_TEXTS = ("host", "username", "password", "password_env", "sender")
SHORT = {**WORDS, "best": "New best value", "disk_low": "Disk nearly full", "stuck": "Stuck"} | {
    "finished": "Finished",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "resumed": "Continues",
}


def new() -> Markup:
    """The form for a new place; which of its fields are seen goes by the service."""
    content = (
        fields.select("service", "Service", list(SERVICES.items()), "webhook"),
        fields.text("name", "Name", "what you call it"),
        _field("url", "Address", "https://…", kind="password", only="url"),
        _field("token", "Access token, if it needs one", kind="password", only="ntfy"),
        _field("host", "SMTP server", "smtp.example.org", only="mail"),
        _field("port", "Port, if unusual", "587", only="mail"),
        Markup('<span class="nt-mail">{}</span>').format(fields.select("security", "Encryption", SECURITIES)),
        _field("username", "User", only="mail"),
        _field("password", "Password", kind="password", only="mail"),
        _field("password_env", "or environment variable with it", "SMTP_PASSWORD", only="mail"),
        _field("sender", "From", "me@example.org", only="mail"),
        _field("recipients", "To, separated by commas", "me@example.org", only="mail"),
    )
    return Markup('<details class="ts-more nt-new"><summary>Add a destination</summary>{}</details>').format(
        fields.form("add", "new", "Add", *content)
    )


def _field(name: str, label: str, placeholder: str = "", kind: str = "text", only: str = "") -> Markup:
    return Markup(
        '<label class="nt-{}"><b>{}</b><input type="{}" name="{}" placeholder="{}" maxlength="2000"'
        ' autocomplete="off" spellcheck="false"></label>'
    ).format(only, label, kind, name, placeholder)


def kinds(sink: Mapping[str, Any]) -> Markup:
    """What a place is told, in words, and the boxes that change it."""
    chosen = sink["kinds"]
    words = "everything" if len(chosen) == len(KINDS) else ", ".join(SHORT[kind].lower() for kind in chosen)
    return Markup('<details class="nt-kinds" data-key="kinds-{}"><summary>{}</summary>{}</details>').format(
        sink["id"],
        words or "nothing",
        fields.form("kinds", str(sink["id"]), "Save", boxes("kind", chosen)),
    )


def boxes(prefix: str, chosen: Sequence[str]) -> Markup:
    """A box for each kind."""
    return Markup('<div class="nt-boxes">{}</div>').format(
        html.join(
            Markup('<label><input type="checkbox" name="{}-{}"{}> {}</label>').format(
                prefix, kind, Markup(" checked") if kind in chosen else "", SHORT[kind]
            )
            for kind in KINDS
        )
    )


def general(settings: Mapping[str, Any]) -> Markup:
    """What holds for all: kinds in the window and in the browser, the studio's address, the disk, private networks."""
    content = (
        Markup("<fieldset><legend>In the bell</legend>{}</fieldset>").format(boxes("in_app", settings["in_app"])),
        Markup("<fieldset><legend>Browser notifications</legend>{}</fieldset>").format(
            boxes("browser", settings["browser"])
        ),
        fields.text("address", "Address of this studio, for links", "https://studio.example.org", settings["address"]),
        fields.number("disk_low_gb", "Warn below, GB of free disk", settings["disk_low_gb"], most=1e6, step="0.5"),
        Markup(
            '<label class="nt-allow"><input type="checkbox" name="allow_private"{}> Messages may go to this machine'
            " and to private networks</label>"
        ).format(Markup(" checked") if settings["allow_private"] else ""),
    )
    return Markup('<details class="ts-more"><summary>Events, links and limits</summary>{}</details>').format(
        fields.form("general", "general", "Save", *content)
    )


def chosen_kinds(values: Mapping[str, str], prefix: str = "kind") -> list[Kind]:
    """The kinds whose boxes are ticked."""
    return [kind for kind in KINDS if values.get(f"{prefix}-{kind}")]


def as_sink(values: Mapping[str, str]) -> Sink:
    """The place that the form describes. Raises RefusedError, a line for each problem."""
    service = values.get("service", "")
    given: dict[str, Any] = {"name": values.get("name", "").strip() or SERVICES.get(service, ""), "service": service}
    if service == "email":
        given |= {name: text for name in MAIL_TEXTS if (text := values.get(name, "").strip())}
        given["security"] = values.get("security", "starttls")
        given["recipients"] = [part.strip() for part in values.get("recipients", "").split(",") if part.strip()]
        given |= {"port": fields.whole(values, "port", "a port")} if values.get("port", "").strip() else {}
    else:
        given |= {"url": url} if (url := values.get("url", "").strip()) else {}
        given |= {"token": token} if service == "ntfy" and (token := values.get("token", "").strip()) else {}
    return _checked(Sink, given)


def as_settings(values: Mapping[str, str]) -> Settings:
    """What the form for all says. Raises RefusedError."""
    return _checked(
        Settings,
        {
            "in_app": chosen_kinds(values, "in_app"),
            "browser": chosen_kinds(values, "browser"),
            "address": values.get("address", ""),
            "disk_low_gb": fields.real(values, "disk_low_gb", "a size of free disk"),
            "allow_private": bool(values.get("allow_private")),
        },
    )


def _checked(model: Any, given: dict[str, Any]) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise RefusedError("Some fields need a change.", "\n".join(recipe.problems(error, "field"))) from error
