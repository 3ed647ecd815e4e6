"""Names and ids for the shell, read straight from the studio's file: a TAB must not wait for the engine's imports.

Read-only, and silent: without a home, with another database or a damaged one nothing is offered. A name that several
have is not offered, as no command takes it; their ids are.
"""

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.completion import bash

MOST = 200  # offered at once, the newest first
PRESETS = Path(__file__).parents[3] / "engine" / "recipes" / "presets"

# The name, the id and something that tells them apart, the newest first.
QUERIES = {
    "run": "SELECT name, id, status FROM run WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 5000",
    "model": "SELECT name, id, status FROM model WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 5000",
    "dataset": "SELECT name, id, status FROM dataset d WHERE deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM "
    "dataset n WHERE n.family_id = d.family_id AND n.version > d.version AND n.deleted_at IS NULL) "
    "ORDER BY created_at DESC LIMIT 5000",
    "endpoint": "SELECT name, id, 'endpoint' FROM endpoint WHERE stopped_at IS NULL "
    "ORDER BY created_at DESC LIMIT 5000",
    "sweep": "SELECT name, id, status FROM sweep WHERE deleted_at IS NULL ORDER BY created_at DESC LIMIT 5000",
    "project": "SELECT name, id, 'project' FROM project ORDER BY created_at DESC LIMIT 5000",
    "evaluation": "SELECT name, id, status FROM evaluation ORDER BY created_at DESC LIMIT 5000",
    "benchmark": "SELECT id, id, model FROM benchmark ORDER BY created_at DESC LIMIT 5000",
    "tuner": "SELECT id, id, endpoint_name FROM tuner ORDER BY created_at DESC LIMIT 5000",
    "export": "SELECT id, id, kind FROM export ORDER BY created_at DESC LIMIT 5000",
    "chat": "SELECT id, id, title FROM chat WHERE branch_of IS NULL ORDER BY created_at DESC LIMIT 5000",
    "snippet": "SELECT name, id, language FROM snippet ORDER BY updated_at DESC LIMIT 5000",
    "key": "SELECT name, id, scope FROM apikey WHERE revoked_at IS NULL ORDER BY created_at DESC LIMIT 5000",
    "registry": "SELECT name, name, 'registry' FROM registered_model ORDER BY created_at DESC LIMIT 5000",
    "version": "SELECT 'version:' || m.name || '/' || v.number, v.id, v.kind FROM model_version v "
    "JOIN registered_model m ON m.id = v.registered_id ORDER BY v.created_at DESC LIMIT 5000",
    "alias": "SELECT 'version:' || m.name || '@' || a.alias, 'version:' || m.name || '@' || a.alias, "
    "'version ' || v.number FROM model_alias a JOIN registered_model m ON m.id = a.registered_id "
    "JOIN model_version v ON v.id = a.version_id ORDER BY a.moved_at DESC LIMIT 5000",
}  # fmt: skip
PREFIXES = {noun: f"{noun}:" for noun in ("run", "model", "dataset", "project")}  # that a name may have before it
SUBJECTS = ("run", "model")

Offer = tuple[str, str]  # what is typed, and what a shell that can shows beside it
_PLAIN = re.compile(r"([^\w@%+=:,./-])")


class _Quoted(str):
    """A name as bash has to have it, without the `cut` characters that it leaves standing; begins as it was typed."""

    name: str

    def __new__(cls, name: str, cut: int) -> "_Quoted":
        quoted = super().__new__(cls, _PLAIN.sub(r"\\\1", name[cut:]))
        quoted.name = name
        return quoted

    def startswith(self, prefix: Any, *places: Any) -> bool:
        return self.name.startswith(prefix, *places)


def of(noun: str) -> Callable[[str], list[Offer]]:
    """For typer's `autocompletion`: what is of that noun and begins as typed."""

    def offered(incomplete: str) -> list[Offer]:
        return offers(noun, incomplete)

    return offered


def offers(noun: str, incomplete: str) -> list[Offer]:
    """What is of that noun and begins as typed; an id only where it is begun, or where several have the name."""
    match noun:
        case "subject":
            listed = [*(offer for one in SUBJECTS for offer in _prefixed(one, incomplete)), *_versions(incomplete)]
        case "version":
            listed = _versions(incomplete)
        case _:
            is_begun = incomplete.startswith(PREFIXES.get(noun, "\0"))
            listed = _prefixed(noun, incomplete) if is_begun else _offers(noun, incomplete)
    return _for_shell(listed, incomplete)


def _prefixed(noun: str, incomplete: str) -> list[Offer]:
    """run:NAME, model:NAME and the like."""
    prefix = PREFIXES[noun]
    return [(f"{prefix}{typed}", about) for typed, about in _offers(noun, incomplete.removeprefix(prefix))]


def _versions(incomplete: str) -> list[Offer]:
    """version:NAME@ALIAS and version:NAME/3."""
    return [*_offers("alias", incomplete), *_offers("version", incomplete)]


def _offers(noun: str, incomplete: str) -> list[Offer]:
    if noun == "preset":
        return [(file.stem.replace("_", " "), "preset") for file in sorted(PRESETS.glob("*.yaml"))]
    rows = _rows(QUERIES[noun])
    several = {name for name, count in Counter(name for name, _, _ in rows).items() if count > 1}
    listed: list[Offer] = [(name, about) for name, _, about in rows if name not in several]
    listed += [(row_id, f"{name}, {about}") for name, row_id, about in rows
               if name in several or (incomplete and row_id.startswith(incomplete) and row_id != name)]  # fmt: skip
    return listed


def _for_shell(listed: list[Offer], incomplete: str) -> list[Offer]:
    begun = [offer for offer in listed if offer[0].startswith(incomplete) and offer[0].isprintable()][:MOST]
    if os.environ.get("_TUNESMITH_COMPLETE") != "complete_bash":
        return begun
    cut = bash.standing(incomplete)
    return [(_Quoted(typed, cut), about) for typed, about in begun]


def _rows(query: str) -> list[tuple[str, str, str]]:
    file = Path(os.environ.get("TUNESMITH_HOME") or "~/.tunesmith").expanduser() / "studio.db"
    if os.environ.get("TUNESMITH_DATABASE_URL") or not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=0.1)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []
