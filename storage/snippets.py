"""Snippets of code and their versions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from storage.tables import Snippet, SnippetVersion
from storage.typed import as_kept

ESCAPE = "!"
MOST_WORDS = 5  # of a search; each reads the code of every snippet


def found(
    session: Session, words: str = "", project_id: str | None = None, limit: int = 50, offset: int = 0
) -> Sequence[Snippet]:
    """Those that have all the words in name, task, language or newest code, whatever their case; last changed first."""
    query = select(Snippet).where(*_conditions(session, words, project_id))
    query = query.order_by(col(Snippet.updated_at).desc(), col(Snippet.id))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, words: str = "", project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Snippet).where(*_conditions(session, words, project_id))
    return session.scalar(query) or 0


def _conditions(session: Session, words: str, project_id: str | None) -> list[Any]:
    conditions: list[Any] = [Snippet.project_id == project_id] if project_id else []
    columns = (col(Snippet.name), col(Snippet.task), col(Snippet.language))
    for word in as_kept(words).split()[:MOST_WORDS]:
        said = (column.ilike(_pattern(word), escape=ESCAPE) for column in columns)
        conditions.append(or_(*said, _in_newest_code(session, _pattern(word))))
    return conditions


def _pattern(word: str) -> str:
    for sign in (ESCAPE, "%", "_"):
        word = word.replace(sign, f"{ESCAPE}{sign}")
    return f"%{word}%"


def _in_newest_code(session: Session, pattern: str) -> Any:
    """Whether a file of the snippet's newest version is so named or has such text."""
    number = col(SnippetVersion.number).desc()
    newest = sqlalchemy.select(col(SnippetVersion.files_json)).where(col(SnippetVersion.snippet_id) == Snippet.id)
    newest = newest.order_by(number).limit(1).correlate(Snippet)
    each = func.json_each if session.get_bind().dialect.name == "sqlite" else func.json_each_text
    files = each(newest.scalar_subquery()).table_valued("key", "value")
    matches = (column.ilike(pattern, escape=ESCAPE) for column in (files.c.key, files.c.value))
    return sqlalchemy.exists().select_from(files).where(or_(*matches))


def versions(session: Session, snippet_id: str, limit: int = 100, offset: int = 0) -> Sequence[Any]:
    """Number, note, model, action and time of each version, the newest first: rows without the files."""
    columns = ("number", "note", "model", "action", "created_at")
    query = sqlalchemy.select(*(getattr(SnippetVersion, column) for column in columns))
    query = query.where(col(SnippetVersion.snippet_id) == snippet_id).order_by(col(SnippetVersion.number).desc())
    return session.connection().execute(query.offset(offset).limit(limit)).all()


def version(session: Session, snippet_id: str, number: int | None = None) -> SnippetVersion | None:
    """One version with its files; the newest when no number is given."""
    query = select(SnippetVersion).where(SnippetVersion.snippet_id == snippet_id)
    query = query.where(SnippetVersion.number == number) if number is not None else query
    return session.exec(query.order_by(col(SnippetVersion.number).desc()).limit(1)).first()


def newest_numbers(session: Session, snippet_ids: Sequence[str]) -> dict[str, int]:
    """The number of the newest version of each."""
    query = select(SnippetVersion.snippet_id, func.max(SnippetVersion.number))
    query = query.where(col(SnippetVersion.snippet_id).in_(snippet_ids)).group_by(col(SnippetVersion.snippet_id))
    return {snippet_id: int(number) for snippet_id, number in session.exec(query)}
