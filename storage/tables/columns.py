"""What the columns of all tables share: ids, the words of a status, and how constraints are named."""

import json
from enum import StrEnum
from secrets import token_hex

from sqlalchemy import Dialect, Enum, Index, String, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

DEFAULT_PROJECT = "default"


def new_id() -> str:
    """Twelve hexadecimal digits: short enough for a URL, unique for any number of rows a studio will hold."""
    return token_hex(6)


def words_of(statuses: type[StrEnum]) -> Enum:
    """A column that holds the words themselves, so that a later status needs no change of the schema."""
    return Enum(statuses, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members])


def hidden_ids(table: str) -> Index:
    """An index of what is deleted and can still be had back: who leaves it out need not read a row to its end."""
    hidden = text("deleted_at IS NOT NULL")
    return Index(f"ix_{table}_hidden", "deleted_at", "id", sqlite_where=hidden, postgresql_where=hidden)


class WordsColumn(TypeDecorator[list[str]]):
    """A list of words as JSON text: an index can hold it and LIKE can find a word, in SQLite and in PostgreSQL."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str] | None:
        return None if value is None else [str(word) for word in json.loads(value)]
