"""The door: every HTTP request and websocket passes here before anything else sees it.

Gradio's own login does not cover everything it mounts, and it checks no Host; so nothing behind this door is trusted to
protect itself. In order: Host (DNS rebinding), Origin and Sec-Fetch-Site (other pages in the same browser), credential
(cookie, bearer token, API key, or `?token=` once), role. Security headers go onto every answer on the way out.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answers.errors import error_body
from app.door import live_door, scopes
from app.door.access import SESSION_SECONDS, Access, Role
from app.door.sessions import Holder
from engine.accounts import keys
from storage.tables import ApiKey

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Everything that answers without a credential. Long-lived on purpose: a line here is a decision.
PUBLIC = frozenset({("GET", "/api/health"), ("HEAD", "/api/health"), ("GET", "/login"), ("POST", "/login")})
PROXY_HEADERS = (b"x-forwarded-", b"x-gradio-server", b"x-direct-url", b"x-real-ip", b"forwarded")
# What visitors of a share link do not see: serving, monitoring, secrets.
NOT_SHARED = (
    "/v1",
    "/metrics",
    "/api/keys",
    "/api/notifications",
    "/api/runtimes",
    "/api/usage",
    "/api/requests",
    "/api/system",
    "/api/hub",
    "/usage",
    "/fragments/usage",
    "/api/docs",
    "/api/openapi.json",
)
# Files whose address changes with their content, and fonts.
CACHED_PATHS = ("/assets/", "/static/fonts/", "/static-tunesmith/", "/static-bokeh/")
CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio compiles its templates in the browser
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


class Guard:
    """ASGI middleware, outermost. `access` is asked anew for each request: a share link changes it."""

    def __init__(self, app: ASGIApp, access: Callable[[], Access]) -> None:
        self.app = app
        self.access = access
        self.live = live_door.LiveDoor()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        access = self.access()
        scope = scope if access.trust_proxy else _without_proxy_headers(scope)
        headers = Headers(scope=scope)
        shared = access.share_port is not None and _server_port(scope) == access.share_port
        refusal = _foreign(scope, headers, access)
        if refusal is None and live_door.is_live(scope):
            refusal = await self.live.enter(scope, access, shared)
            return await (refusal or self.app)(scope, receive, _with_headers(send, scope, access))
        role, key = (None, None) if refusal else await self._role(scope, headers, access, shared)
        refusal = refusal or _forbidden(scope, role) or self._token_exchange(scope, role, access)
        if refusal is not None:
            return await _refuse(refusal, scope, receive, _with_headers(send, scope, access))
        scope.setdefault("state", {}).update(role=role, shared=shared, key=key)
        return await self.app(scope, receive, _with_headers(send, scope, access))

    async def _role(
        self, scope: Scope, headers: Headers, access: Access, shared: bool
    ) -> tuple[Role | None, ApiKey | None]:
        role, key = await _credential(scope, headers, access)
        return ("viewer" if shared and role else role), key

    def _token_exchange(self, scope: Scope, role: Role | None, access: Access) -> Response | None:
        """`?token=` becomes a cookie, and the browser goes on to an address without it."""
        pairs = _query(scope)
        if role is None or scope["type"] != "http" or scope["method"] != "GET" or "token" not in dict(pairs):
            return None
        other_query = urlencode([(name, value) for name, value in pairs if name != "token"])
        address = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{other_query}" if other_query else "")
        response = RedirectResponse(address, 303)
        if role == "owner":
            set_session(response, access)
        return response


def set_session(response: Response, access: Access, seconds: int = SESSION_SECONDS, holder: Holder = "owner") -> None:
    """Gives the browser a session. Inside a Space's frame a strict cookie would never come back."""
    embedded = access.embedded
    response.set_cookie(
        access.cookie,
        access.sessions.new(seconds, holder),
        max_age=seconds,
        httponly=True,
        samesite="none" if embedded else "strict",
        secure=embedded,
    )


def is_machine(path: str) -> bool:
    """Whether programs, not people, ask for this path."""
    return path.startswith(("/api/", "/v1/", "/gradio_api/", "/fragments/")) or path in ("/api", "/v1", "/metrics")


def _without_proxy_headers(scope: Scope) -> Scope:
    """Gradio builds addresses of the page from them, so only a trusted proxy may set them."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if not _from_proxy(name)]}


def _from_proxy(name: bytes) -> bool:
    return name.lower().startswith(PROXY_HEADERS)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _server_port(scope: Scope) -> int | None:
    server = scope.get("server")
    return server[1] if server else None


def _foreign(scope: Scope, headers: Headers, access: Access) -> Response | None:
    """A refusal when the request names another host, or comes from another site's page."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not access.knows_host(hosts[0]):
        hint = "Open it by the address it printed at start, or add the name to TUNESMITH_ALLOWED_HOSTS."
        return _error(scope, 421, "wrong_host", "The studio does not answer to this host name.", hint)
    for origin in headers.getlist("origin"):
        if _netloc(origin) != hosts[0].lower():
            return _error(scope, 403, "wrong_origin", "The request comes from another site's page.", "")
    unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
    if unsafe and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return _error(scope, 403, "wrong_origin", "The request comes from another site's page.", "")
    return None


async def _credential(scope: Scope, headers: Headers, access: Access) -> tuple[Role | None, ApiKey | None]:
    """What the request may do, and the API key it came with, if it did."""
    cookie = _cookie(headers, access.cookie)
    if cookie and (holder := access.sessions.holder(cookie)):
        return holder, None
    if scope["type"] == "http" and (token := dict(_query(scope)).get("token")) and access.is_token(token):
        return "owner", None
    secret = _bearer(headers)
    if not secret:
        return None, None
    if access.is_token(secret):
        return "owner", None
    key = keys.remembered(secret) or await run_in_threadpool(keys.verify, secret)
    if key is None:
        return None, None
    return ("owner" if key.scope == "all" else "inference"), key


def _bearer(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _forbidden(scope: Scope, role: Role | None) -> Response | None:
    path, method = scope["path"], scope.get("method", "GET")
    if (method, path) in PUBLIC:
        return None
    if role is None:
        return _ask_for_credential(scope)
    if role == "inference" and not scopes.reaches(method, path):
        return _error(scope, 403, "forbidden", _out_of_scope(method, path), "Make a key with scope `all` for the rest.")
    if role == "viewer" and not _viewers(scope["type"], method, path):
        return _error(scope, 403, "forbidden", "Visitors of a share link can look, but not change anything.", "")
    return None


def _out_of_scope(method: str, path: str) -> str:
    if not path.startswith("/v1/"):
        return "This key reaches only /v1."
    reached = ", ".join(sorted(path.removeprefix("/v1/") for _, path in scopes.INFERENCE))
    return f"This key does not reach {method} {path:.100}. Of /v1 it reaches {reached}."


def _viewers(kind: str, method: str, path: str) -> bool:
    return kind == "http" and ((method, path) == ("POST", "/logout") or _viewable(method, path))


def _viewable(method: str, path: str) -> bool:
    return method in SAFE_METHODS and not path.startswith(NOT_SHARED)


def _ask_for_credential(scope: Scope) -> Response:
    path = scope["path"]
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if scope["type"] == "http" and scope["method"] == "GET" and wants_page and not is_machine(path):
        pairs = [(name, value) for name, value in _query(scope) if name != "token"]
        address = path + (f"?{urlencode(pairs)}" if pairs else "")
        return RedirectResponse("/login" if address == "/" else f"/login?{urlencode({'next': address})}", 303)
    hint = "Send `Authorization: Bearer TOKEN` with the token the studio printed, or an API key."
    message = "This needs a credential."
    if keys.has_expired(_bearer(Headers(scope=scope))):
        message, hint = "The time of this API key is over.", "Make another on the System page."
    return _error(scope, 401, "unauthorized", message, hint, {"www-authenticate": "Bearer"})


def _error(
    scope: Scope, status: int, kind: str, message: str, hint: str, headers: dict[str, str] | None = None
) -> Response:
    body = error_body(scope["path"], kind, message, hint)
    return Response(body, status, headers, media_type="application/json")


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await response(scope, receive, send)


def _query(scope: Scope) -> list[tuple[str, str]]:
    text = scope.get("query_string", b"").decode("latin-1")
    return parse_qsl(text, keep_blank_values=True) if text else []


def _cookie(headers: Headers, name: str) -> str:
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


def _with_headers(send: Send, scope: Scope, access: Access) -> Send:
    """Adds the security headers, and says what may be kept in caches."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"] = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [header for header in _SECURITY[access.embedded] if header[0] not in present]
            if b"cache-control" not in present:
                headers.append((b"cache-control", _caching(scope["path"], message["status"])))
        await send(message)

    return send_with_headers


def _security(embedded: bool) -> tuple[tuple[bytes, bytes], ...]:
    frames = "https://huggingface.co" if embedded else "'none'"
    headers = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "content-security-policy": f"{CONTENT_POLICY}; frame-ancestors {frames}",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    } | ({} if embedded else {"x-frame-options": "DENY"})
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


_SECURITY = {embedded: _security(embedded) for embedded in (False, True)}


def _caching(path: str, status: int) -> bytes:
    cacheable = status == 200 and path.startswith(CACHED_PATHS)
    return b"private, max-age=31536000, immutable" if cacheable else b"no-store"
