"""REST paths that take a name where they take an id: `/api/runs/first%20try/log` is `/api/runs/3f0c8a51d2b7/log`.

One place for all nouns, between the door and the routes: a name in a path is replaced by its id before any route is
looked for. So no route knows of names, a name with a slash in it (`%2F`) works, and nothing but an id of that noun can
come out. What a credential may reach was decided before, by the method and the noun, and neither is touched here.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from fastapi import APIRouter
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.answers import errors
from engine import called
from engine.errors import TunesmithError
from engine.existing import missing
from storage.tables import Dataset, Endpoint, Model, Project, Run, Sweep

TABLES: Mapping[str, type[SQLModel]] = {
    "runs": Run,
    "models": Model,
    "datasets": Dataset,
    "endpoints": Endpoint,
    "sweeps": Sweep,
    "projects": Project,
}
LONGEST = 255  # letters of a name; what is longer is none
_BELOW = re.compile(rf"/api/({'|'.join(TABLES)})/")
_ID = re.compile(r"[0-9a-f]{12}")  # as `new_id` makes them: these pay for nothing here


def words_of(routers: Iterable[APIRouter]) -> dict[str, frozenset[str]]:
    """What may stand where an id stands and is none, by the noun: `compare` in `/runs/compare`."""
    words: dict[str, set[str]] = {noun: set() for noun in TABLES}
    for router in routers:
        for route in router.routes:
            _, noun, *rest = str(getattr(route, "path", "/")).split("/")
            if noun in words and rest and not rest[0].startswith("{"):
                words[noun].add(rest[0])
    return {noun: frozenset(listed) for noun, listed in words.items()}


class NamedPaths:
    """ASGI middleware. `words`: what is no name, as `words_of` finds it."""

    def __init__(self, app: ASGIApp, words: Mapping[str, frozenset[str]]) -> None:
        self.app = app
        self.words = words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and (noun := _BELOW.match(scope["path"])) is not None:
            refusal = await self._with_id(scope, noun[1])
        await (refusal or self.app)(scope, receive, send)

    async def _with_id(self, scope: Scope, noun: str) -> Response | None:
        """Puts the id into the path; or says why there is none."""
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        before = f"/api/{noun}/".encode()
        if not raw.startswith(before):
            return None  # its beginning is written in another way: then a route says what is there
        segment, slash, rest = raw.removeprefix(before).partition(b"/")
        name = unquote(segment.decode("ascii", "replace"))
        if not name or _ID.fullmatch(name) or name in self.words[noun]:
            return None
        try:
            row_id = await run_in_threadpool(_id_of, noun, name)
        except (TunesmithError, DBAPIError) as error:
            return errors.respond(scope, error)
        scope["path"] = f"/api/{noun}/{row_id}" + unquote((slash + rest).decode("ascii", "replace"))
        scope["raw_path"] = before + row_id.encode() + slash + rest
        return None


def _id_of(noun: str, name: str) -> str:
    """The id of what is called so. Raises NotFoundError with the nearest names, AmbiguousError with the ids."""
    odd = any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    if odd or len(name) > LONGEST or "\ufffd" in name:
        raise missing(TABLES[noun], ascii(name)[1:-1])
    return called.id_of(TABLES[noun], name)
