"""What a sink is told when it is set: a service, where it is, which kinds it gets. Addresses are secrets here, too.

An incoming webhook of Slack, Discord or Teams needs no other credential than its address, so that is never shown again:
only its host is.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from engine import names
from engine.errors import RefusedError
from engine.notifications import mail, shapes, signing
from engine.notifications.kinds import KINDS, Kind
from engine.serve import outside

Service = Literal["webhook", "slack", "discord", "teams", "ntfy", "email", "apprise"]

MOST_SINKS = 20  # each has a thread while it is sent to
MOST_RECIPIENTS = 20
SECRETS = ("url", "secret", "token", "password")
MAIL_OPTIONS = ("host", "port", "security", "username", "password_env", "sender", "recipients")
_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,190}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class Sink(BaseModel):
    """One place notifications go to. Secrets are written and never read: one that is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(
        default=None, pattern=r"^[0-9a-z-]{1,64}$", description="Of the sink that is changed; a new one has none."
    )
    name: str = Field(min_length=1, max_length=120, description="What lists show.")
    service: Service = Field(description="What takes it; it decides the shape.")
    kinds: list[Kind] = Field(default=list(KINDS), max_length=20, description="What it is told. All if left out.")
    enabled: bool = Field(default=True, description="Whether anything is sent.")
    url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Where it is (not for email). Secret: GET shows its host alone. For apprise, one of its URLs.",
    )
    secret: str | None = Field(
        default=None,
        max_length=200,
        description="Signs calls of service webhook, `whsec_...`; made, and answered once, if left out. Secret.",
    )
    token: str | None = Field(default=None, max_length=500, description="Access token for ntfy. Secret.")
    host: str | None = Field(default=None, max_length=253, description="E-mail: the SMTP server.")
    port: int | None = Field(default=None, ge=1, le=65535, description="E-mail: 587, 465 or 25 if left out.")
    security: mail.Security = Field(
        default="starttls", description="E-mail: starttls, tls from the first word on, or none (then no password)."
    )
    username: str | None = Field(default=None, max_length=200, description="E-mail: who logs in; nobody if left out.")
    password: str | None = Field(default=None, max_length=500, description="E-mail: the password. Secret.")
    password_env: str | None = Field(
        default=None, description="E-mail: the environment variable that holds the password instead."
    )
    sender: str | None = Field(default=None, max_length=254, description="E-mail: from whom, user@example.org.")
    recipients: list[str] = Field(default=[], max_length=MOST_RECIPIENTS, description="E-mail: to whom.")
    state: Any = Field(default=None, exclude=True, description="What GET answers: where to, how the last one went.")

    def secrets(self) -> dict[str, str]:
        """The secrets that were given."""
        return {name: value for name in SECRETS if (value := getattr(self, name)) is not None}

    def options(self) -> dict[str, Any]:
        """What is kept in the database beside name, service and kinds."""
        return {name: getattr(self, name) for name in MAIL_OPTIONS} if self.service == "email" else {}


def check(sink: Sink, secrets: Mapping[str, str], allow_private: bool) -> None:
    """Whether it can be sent to, as far as that is known without asking. Raises RefusedError.

    `secrets` are those that will hold: the new ones over those there are.
    """
    names.checked(sink.name, "sink")
    _refuse_strange(sink)
    problem = _problem_of_mail(sink, secrets, allow_private) if sink.service == "email" else ""
    if sink.service != "email":
        problem = _problem_of_url(sink, secrets.get("url", ""), allow_private)
    if sink.service == "webhook" and "secret" in secrets:
        try:
            signing.key_of(secrets["secret"])
        except ValueError as error:
            problem = problem or f"The secret {error}."
    if problem:
        raise RefusedError(f"Sink `{sink.name:.80}`: {problem}", _hint(problem))


def _hint(problem: str) -> str:
    if outside.PRIVATE in problem:
        return "Allow private addresses (`allow_private`) if the server is your own."
    return ""


def _refuse_strange(sink: Sink) -> None:
    """Fields that another service has would be kept and never used."""
    given = sink.model_fields_set - {"id", "name", "service", "kinds", "enabled", "state"}
    fits = {"webhook": {"url", "secret"}, "ntfy": {"url", "token"}, "email": {"password", *MAIL_OPTIONS}}
    strange = sorted(
        field for field in given - fits.get(sink.service, {"url"}) if getattr(sink, field) not in (None, [], "starttls")
    )
    if strange:
        raise RefusedError(
            f"Sink `{sink.name:.80}`: service {sink.service} has no {', '.join(strange)}.", "Leave that out."
        )


def _problem_of_url(sink: Sink, url: str, allow_private: bool) -> str:
    if not url:
        return "The url is missing."
    if sink.service == "apprise":
        return (
            "" if re.match(r"[a-z0-9]{2,20}://\S", url) and url.isprintable() else "The url must be one of apprise's."
        )
    try:
        parts = outside.checked_parts(url)
        outside.check_host(parts.hostname or "", only_public=not allow_private)
        if parts.username or parts.password or parts.fragment or "@" in parts.netloc:
            raise ValueError("must hold no user, password or fragment")
        if sink.service == "ntfy":
            shapes.ntfy_place(url)
    except ValueError as error:
        return f"The url {error}."
    return ""


def _problem_of_mail(sink: Sink, secrets: Mapping[str, str], allow_private: bool) -> str:
    if not sink.host or not sink.sender or not sink.recipients:
        return "E-mail needs host, sender and recipients."
    for address in (sink.sender, *sink.recipients):
        if not _MAIL_ADDRESS.fullmatch(address) or not address.isprintable():
            return f"{address!r:.80} is not a mail address such as user@example.org."
    if sink.password_env is not None and not _VARIABLE.fullmatch(sink.password_env):
        return f"{sink.password_env!r:.80} cannot be the name of an environment variable."
    if sink.username and not sink.password_env and "password" not in secrets:
        return "A username needs password or password_env."
    if sink.username and sink.security == "none":
        return "A password is not sent without encryption: choose starttls or tls."
    try:
        outside.check_host(sink.host, only_public=not allow_private)
    except ValueError as error:
        return f"The host {error}."
    return ""


def place(service: str, options: Mapping[str, Any], url: str) -> str:
    """Where it goes, as it may be shown: the host, never the rest of an address."""
    if service == "email":
        recipients = options.get("recipients") or []
        more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
        return f"{recipients[0] if recipients else ''}{more} by {options.get('host')}"
    if service == "apprise":
        return f"{url.partition('://')[0]}://…"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"
