"""Snippets: code that is kept under a name, with every version of it, what differs, and a way to take it away."""

import io
import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from engine import hidden, names
from engine.code import diff as diffs
from engine.code import file_names, languages, wanted
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from storage import db
from storage import snippets as stored
from storage.tables import DEFAULT_PROJECT, Project, Snippet, SnippetVersion

MOST_VERSIONS = 1000
MOST_NOTE, MOST_ANSWER, MOST_RESULT = 1_000, 1_000_000, 2_000_000  # characters; of a result with its pictures
SHOWN = ("exit", "stdout", "stderr")  # of a result: what two runs of the same code agree on
ZIP_DATE = (2026, 1, 1, 0, 0, 0)  # the same files make the same archive


class Origin(TypedDict, total=False):
    """Where a version came from: a remark, the model and action that made it, its words, the result of a run."""

    note: str
    model: str
    action: str
    answer: str
    result: Mapping[str, Any] | None


@dataclass(frozen=True)
class VersionLine:
    """A version in a list, without its files."""

    number: int
    note: str
    model: str
    action: str
    created_at: float


def create(
    name: str,
    language: str,
    task: str,
    files: Mapping[str, str],
    project_id: str = DEFAULT_PROJECT,
    **origin: Unpack[Origin],
) -> Snippet:
    """Keeps files as a new snippet with its first version. Raises RefusedError for bad names or too much."""
    snippet = Snippet(
        project_id=project_id,
        name=names.checked(hidden.storable(name), "snippet"),
        language=languages.named(language).name,
        task=_text(task, "task", wanted.MOST_TASK),
    )
    version = _version(snippet.id, 1, files, origin)
    with db.session() as session:
        existing(session, Project, project_id)
        session.add(snippet)
        session.flush()
        session.add(version)
    return snippet


def save_version(snippet_id: str, files: Mapping[str, str], **origin: Unpack[Origin]) -> SnippetVersion:
    """Keeps files as the snippet's next version. The same files and result again make none: the newest is returned."""
    draft = _version(snippet_id, 0, files, origin)
    with db.session() as session:
        snippet = existing(session, Snippet, snippet_id)
        newest = stored.version(session, snippet_id)
        if newest and newest.files_json == draft.files_json and _shown(newest) == _shown(draft):
            return newest
        draft.number = newest.number + 1 if newest else 1
        if draft.number > MOST_VERSIONS:
            raise ConflictError(f"`{snippet.name}` has {MOST_VERSIONS} versions.", "Keep the code as a new snippet.")
        snippet.updated_at = draft.created_at
        session.add(draft)
    return draft


def get(snippet_id: str) -> Snippet:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Snippet, snippet_id)


def find(query: str = "", limit: int = 50, offset: int = 0, project_id: str | None = None) -> Sequence[Snippet]:
    """Snippets that have all words of `query` in name, task, language or newest code; last changed first."""
    with db.reading() as session:
        return stored.found(session, hidden.storable(query[:1000]), project_id, limit, offset)


def count(query: str = "", project_id: str | None = None) -> int:
    """How many `find` would list without a limit."""
    with db.reading() as session:
        return stored.count(session, hidden.storable(query[:1000]), project_id)


def newest_numbers(snippet_ids: Sequence[str]) -> dict[str, int]:
    """The number of the newest version of each snippet."""
    with db.reading() as session:
        return stored.newest_numbers(session, snippet_ids)


def rename(snippet_id: str, name: str) -> Snippet:
    """Gives it another name. Raises NotFoundError, RefusedError."""
    name = names.checked(hidden.storable(name), "snippet")
    with db.session() as session:
        snippet = existing(session, Snippet, snippet_id)
        snippet.name, snippet.updated_at = name, time.time()
    return snippet


def versions(snippet_id: str, limit: int = 100, offset: int = 0) -> list[VersionLine]:
    """The versions without their files, the newest first. Raises NotFoundError."""
    with db.reading() as session:
        existing(session, Snippet, snippet_id)
        return [VersionLine(*row) for row in stored.versions(session, snippet_id, limit, offset)]


def version(snippet_id: str, number: int | None = None) -> SnippetVersion:
    """One version with its files; the newest when no number is given. Raises NotFoundError."""
    with db.reading() as session:
        snippet = existing(session, Snippet, snippet_id)
        row = stored.version(session, snippet_id, number)
    if row is None:
        raise NotFoundError(f"`{snippet.name}` has no version {number}.", "GET /api/snippets/ID/versions lists them.")
    return row


def diff(snippet_id: str, before: int, after: int) -> str:
    """What differs between two versions, as a unified diff; empty when nothing does. Raises NotFoundError."""
    return diffs.unified(version(snippet_id, before).files_json, version(snippet_id, after).files_json)


def archive(snippet_id: str, number: int | None = None) -> bytes:
    """The files of a version, the newest when no number is given, as a zip archive. Raises NotFoundError."""
    files = version(snippet_id, number).files_json
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            packed.writestr(entry, text.encode())
    return target.getvalue()


def _shown(version: SnippetVersion) -> Mapping[str, Any] | None:
    result = version.result_json
    return result and {name: result.get(name) for name in SHOWN}


def _version(snippet_id: str, number: int, files: Mapping[str, str], origin: Origin) -> SnippetVersion:
    if not files:
        raise RefusedError("There are no files to keep.", "Write some code first.")
    result = origin.get("result")
    if result is not None and (size := len(json.dumps(result, ensure_ascii=False, default=str))) > MOST_RESULT:
        raise RefusedError(f"The result has {size:,} characters.", f"Use at most {MOST_RESULT:,}; cut its output.")
    return SnippetVersion(
        snippet_id=snippet_id,
        number=number,
        files_json=file_names.checked(dict(files)),
        note=_text(origin.get("note", ""), "note", MOST_NOTE),
        model=origin.get("model", "")[:300],
        action=origin.get("action", "")[:60],
        answer=_text(origin.get("answer", ""), "answer", MOST_ANSWER),
        result_json=None if result is None else dict(result),
    )


def _text(text: str, what: str, most: int) -> str:
    if len(text) > most:
        raise RefusedError(f"The {what} has {len(text):,} characters.", f"Use at most {most:,}.")
    return hidden.storable(text)
