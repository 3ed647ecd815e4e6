"""Live links: /live/TOKEN is a page of its own, outside the window, that shows one run or one chat and does nothing.

app.door.live_door lets a request in and says what it may see. The page is plain HTML and a few lines of script; its
parts are asked for again below the same token. It works in the frame of a Space and through the share tunnel, as it
needs no cookie and no file of the studio's.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from app.window.look import BEFORE_PAINT, STATIC, TOKENS
from engine.accounts.live_links import Kind, Opened
from engine.chat import chat
from engine.errors import NotFoundError
from engine.runs import curves, runs
from pages.chat import shared_view
from pages.runs.links import live_view
from storage.statuses import RUN_MOVING
from storage.tables import Chat, Run

HEADERS = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer", "cache-control": "no-store"}
KEPT_SECONDS = 2.0  # however many look, it is drawn so often
MOST_KEPT = 64
METHODS = ["GET", "HEAD"]
PARTS: dict[Kind, dict[str, Callable[[Any], Markup]]] = {
    "run": {"state": live_view.state_html, "charts": live_view.charts_html, "answers": live_view.answers_html},
    "chat": {"conversation": shared_view.conversation_html},
}
LOOK_UP: dict[Kind, Callable[[str], Run | Chat]] = {"run": runs.look_up, "chat": chat.look_up}
OWN_FILES = ("live_link.css", "live_link.js")  # written into the page
STYLE, SCRIPT = (Markup((STATIC / name).read_text(encoding="utf-8")) for name in OWN_FILES)
PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow"><title>{title} - Tunesmith</title><link rel="icon" href="data:,">
<script>{before}</script><style>{tokens}{style}</style></head><body><main>
{parts}
<footer>A {kind} in Tunesmith. You can look, and change nothing.
<span id="gone" hidden>Connection lost. Retrying.</span></footer>
</main><script>{script}</script></body></html>
""")

router = APIRouter(prefix="/live", include_in_schema=False)

_kept: OrderedDict[tuple[str, str], tuple[float, Markup]] = OrderedDict()
_lock = threading.Lock()


@router.api_route("/{token}", methods=METHODS)
def show_live(request: Request) -> HTMLResponse:
    """The page, with everything in it: without its script it stands still."""
    kind, shown = _shown(request)
    title = shown.name if isinstance(shown, Run) else shared_view.title(shown)
    parts = Markup().join(
        Markup('<div id="{}">{}</div>').format(name, _part(kind, name, shown)) for name in PARTS[kind]
    )
    before, tokens = Markup(BEFORE_PAINT), Markup(TOKENS)
    page = PAGE.format(title=title, before=before, tokens=tokens, style=STYLE, script=SCRIPT, parts=parts, kind=kind)
    return HTMLResponse(page, headers=HEADERS)


@router.api_route("/{token}/metrics", methods=METHODS)
def show_points(
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=200)] = "loss",
    since: Annotated[int, Query(ge=-1, le=curves.LAST_STEP)] = -1,
) -> Response:
    """The points of one metric, as the REST API answers them."""
    _, run = _shown(request)
    if not isinstance(run, Run) or not live_view.is_shown(name):
        raise NotFoundError(f"A live link shows no metric `{name:.80}`.")
    curve = curves.read(run.id, name, since + 1, max_points=live_view.MOST_POINTS)
    answer = {"name": name, "points": curve.points, "thinned": curve.thinned, "step": run.step}
    body = orjson.dumps({**answer, "status": run.status.value, "ended": run.status not in RUN_MOVING})
    return Response(body, media_type="application/json", headers=HEADERS)


@router.api_route("/{token}/{part}", methods=METHODS)
def show_part(request: Request, part: str) -> HTMLResponse:
    """One part of the page, as it is now."""
    kind, shown = _shown(request)
    return HTMLResponse(_part(kind, part, shown), headers=HEADERS)


def _shown(request: Request) -> tuple[Kind, Run | Chat]:
    """What the door has found behind the link. Raises NotFoundError when it was deleted meanwhile."""
    opened: Opened = request.state.opened
    return opened.kind, LOOK_UP[opened.kind](opened.id)


def _part(kind: Kind, name: str, shown: Run | Chat) -> Markup:
    key = (shown.id, name)
    with _lock:
        until, drawn = _kept.get(key, (0.0, Markup()))
    if until > time.monotonic():
        return drawn
    drawn = PARTS[kind][name](shown)
    with _lock:
        _kept[key] = (time.monotonic() + KEPT_SECONDS, drawn)
        _kept.move_to_end(key)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return drawn


def forget() -> None:
    """Drops what is kept."""
    with _lock:
        _kept.clear()
