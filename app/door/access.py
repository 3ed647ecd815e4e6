"""Who may do what: credentials, sessions, roles, and the host names the studio answers to. No HTTP in here.

Roles: `owner` (the token, the password's session, or a key with scope `all`), `inference` (a key that reaches only /v1)
and `viewer` (whoever comes through a share link, whatever they show: looks, and changes nothing).
"""

import hashlib
import hmac
import ipaddress
import os
import secrets
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, Self
from urllib.parse import urlsplit

from app.door.sessions import Sessions
from engine.accounts import kept_secret
from engine.errors import RefusedError
from storage import home
from storage.settings import Settings

Role = Literal["owner", "viewer", "inference"]

SESSION_SECONDS = 30 * 24 * 3600
SHARED_SESSION_SECONDS = 8 * 3600
SHORTEST_TOKEN = 16
SHORTEST_PASSWORD = 8
LONGEST_NETLOC = 300  # a name has 253 characters at most
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Access:
    """The credentials and names of one start of the studio."""

    token: str
    password: str | None
    port: int
    sessions: Sessions = field(repr=False, compare=False)
    hosts: frozenset[str] = frozenset(LOOPBACK_NAMES)
    any_address: bool = False  # bound beyond loopback: an IP literal is fine, as no name can be rebound to it
    trust_proxy: bool = False
    embedded: bool = False  # inside the frame of a Hugging Face Space
    share_port: int | None = None  # what comes in here came through the tunnel
    share_address: str = ""  # of the tunnel's other end

    @classmethod
    def from_settings(cls, settings: Settings, host: str, port: int, share: bool = False) -> Self:
        """Checks the credentials against the place where the studio will be reachable. Raises RefusedError."""
        token = settings.token.get_secret_value() if settings.token else ""
        password = settings.password.get_secret_value() if settings.password else ""
        _refuse_weak(token, password)
        if not password and (reason := _exposed(host, share)):
            raise RefusedError(
                f"The studio will not start without a password, because {reason}.",
                "Set TUNESMITH_PASSWORD, or listen on 127.0.0.1 only.",
            )
        names = {*LOOPBACK_NAMES, *(name.strip().lower() for name in settings.allowed_hosts.split(",")), _space_host()}
        return cls(
            token=token or secrets.token_urlsafe(32),
            password=password or None,
            port=port,
            sessions=Sessions(_signing_key(token, password), home.ended_sessions()),
            hosts=frozenset(names - {""}),
            any_address=not is_loopback(host),
            trust_proxy=settings.trust_proxy,
            embedded=on_a_space(),
        )

    def at(self, port: int) -> Self:
        """The same at another port: the one a socket got when 0 was asked for."""
        return replace(self, port=port)

    def shared(self, share_port: int, share_host: str) -> Self:
        """The same, and reachable through a tunnel that ends at `share_port`."""
        host = share_host.lower()
        address = f"https://{host}" if host else ""
        return replace(self, share_port=share_port, share_address=address, hosts=self.hosts | ({host} - {""}))

    @property
    def cookie(self) -> str:
        """Cookies do not know ports, so the name does: two studios on one machine do not log each other out."""
        return f"tunesmith_{self.port}"

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this studio. A foreign name means DNS rebinding."""
        name = host_name(header)
        return name in self.hosts or (self.any_address and _is_address(name))

    def opens(self, secret: str) -> bool:
        """Whether this is the token or the password. In constant time."""
        secret_bytes = secret.encode("utf-8", "replace")
        fits_token = hmac.compare_digest(secret_bytes, self.token.encode())
        fits_password = hmac.compare_digest(secret_bytes, (self.password or self.token).encode())
        return fits_token or fits_password

    def is_token(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode("utf-8", "replace"), self.token.encode())


def host_name(netloc: str) -> str:
    """The name in a Host header or an Origin's netloc, lower case, without port; "" when it is malformed."""
    return _host_name(netloc) if len(netloc) <= LONGEST_NETLOC else ""


@lru_cache(maxsize=256)
def _host_name(netloc: str) -> str:
    try:
        parts = urlsplit(f"//{netloc}")
        return (parts.hostname or "") if parts.netloc == netloc and "@" not in netloc and parts.port != 0 else ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def on_a_space() -> bool:
    return bool(os.environ.get("SPACE_ID"))


def _exposed(host: str, share: bool) -> str:
    if on_a_space():
        return "a Hugging Face Space can be opened by others"
    if share:
        return "a share link can be opened by anyone who has it"
    return "" if is_loopback(host) else f"other machines can reach {host}"


def _space_host() -> str:
    return os.environ.get("SPACE_HOST", "").lower() if on_a_space() else ""


def _refuse_weak(token: str, password: str) -> None:
    if token and len(token) < SHORTEST_TOKEN:
        raise RefusedError("TUNESMITH_TOKEN is too short.", f"Use at least {SHORTEST_TOKEN} random characters.")
    if password and len(password) < SHORTEST_PASSWORD:
        raise RefusedError("TUNESMITH_PASSWORD is too short.", f"Use at least {SHORTEST_PASSWORD} characters.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _signing_key(token: str, password: str) -> bytes:
    """Sessions outlive a restart, so that an open page goes on by itself. They end when the credential is changed."""
    return hmac.new(kept_secret.read(), f"{token}\0{password}".encode(), hashlib.sha256).digest()
