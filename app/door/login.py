"""The login page: one field for the password or the token, in plain HTML that needs nothing else of the studio."""

from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.door import addresses
from app.door.access import SESSION_SECONDS, SHARED_SESSION_SECONDS, Access
from app.door.guard import set_session
from app.door.throttle import Throttle
from app.window.look import BEFORE_PAINT, TOKENS

LONGEST_FORM = 4096

STYLE = """
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ts-ground);
  color: var(--ts-text); font: 15px/1.5 var(--ts-sans) }
main { width: 100%; max-width: 24rem; padding: 2rem; background: var(--ts-card); border: 1px solid var(--ts-line);
  border-radius: 12px }
h1 { margin: 0 0 .25rem; font-size: 1.4rem }
p { margin: 0 0 1.25rem; color: var(--ts-muted) }
label { display: block; margin-bottom: .35rem; font-weight: 600 }
input, button { width: 100%; padding: .6rem .75rem; border-radius: 8px; font: inherit }
input { border: 1px solid var(--ts-line-strong); background: var(--ts-field); color: inherit }
button { margin-top: 1rem; border: 0; background: var(--ts-accent); color: var(--ts-on-accent); font-weight: 600;
  cursor: pointer }
button:hover { background: var(--ts-accent-strong) }
:focus-visible { outline: 2px solid var(--ts-accent); outline-offset: 2px }
[role=alert] { color: var(--ts-bad); margin: .75rem 0 0 }
"""
LOOK = Markup(f"<script>{BEFORE_PAINT}</script><style>{TOKENS}{STYLE}</style>")
PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in - Tunesmith</title><meta name="robots" content="noindex"><link rel="icon" href="data:,">
{look}</head><body><main>
<h1>Tunesmith</h1><p>{what}</p>
<form method="post" action="/login">
<label for="secret">{label}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}">
{problem}<button>Log in</button>
</form></main></body></html>
""")
ALERT = Markup('<p role="alert">{}</p>')


def make_router(access: Callable[[], Access]) -> APIRouter:
    """GET and POST /login, POST /logout."""
    router = APIRouter(include_in_schema=False)
    throttle = Throttle()

    @router.get("/login")
    def show(next: str = "/") -> Response:
        return _page(access(), _local(next))

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        form = await _form(request)
        goal, now = _local(form.get("next", "/")), access()
        address = addresses.of(request.scope, now, request.state.shared)
        if wait := throttle.begin(address):
            problem = f"Too many tries. Wait {int(wait) + 1} seconds."
            return _page(now, goal, problem, 429, {"retry-after": str(int(wait) + 1)})
        if not await run_in_threadpool(now.opens, form.get("secret", "")):
            return _page(now, goal, "Wrong password or token.", 401)
        throttle.succeeded(address)
        response = RedirectResponse(goal, 303)
        if request.state.shared:
            set_session(response, now, SHARED_SESSION_SECONDS, "viewer")
        else:
            set_session(response, now, SESSION_SECONDS)
        return response

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        now = access()
        now.sessions.end(request.cookies.get(now.cookie, ""))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(now.cookie)
        return response

    return router


def _page(
    access: Access, goal: str, problem: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    label = "Password or token" if access.password else "Token"
    subtitle = "Log in to your fine-tuning studio."
    if not access.password:
        subtitle = "Paste the token the studio printed when it started, or open the address beside it."
    alert = ALERT.format(problem) if problem else ""
    page = PAGE.format(look=LOOK, what=subtitle, label=label, next=goal, problem=alert)
    return HTMLResponse(page, status, {**(headers or {}), "cache-control": "no-store"})


def _local(goal: str) -> str:
    """Where to go after the login; only an address of this studio, never another site's."""
    plain = goal.startswith("/") and not goal.startswith("//") and "\\" not in goal
    return goal if plain and goal.isprintable() else "/"


async def _form(request: Request) -> dict[str, str]:
    """The few fields of the form. Longer ones are cut, so nobody can fill the memory before logging in."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=None)
    return {name: values[0] for name, values in fields.items()}
