"""What a row of a list is searched by (its name, tags, description and id), and what it is sorted by."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import String, type_coerce
from sqlmodel import col

from storage.tables import Dataset, Model
from storage.typed import as_kept

Table = type[Dataset] | type[Model]


def tagged(table: Table, tag: str) -> Any:
    """The column is JSON text, where the tag stands between quotation marks."""
    return type_coerce(col(table.tags), String).contains(json.dumps(tag, ensure_ascii=False), autoescape=True)


def says(table: Table, search: str) -> list[Any]:
    """A condition for each word of the search: it is in the name, a tag, where it came from, or the description."""
    places = (col(table.name), type_coerce(col(table.tags), String), col(table.description), _source(table))
    return [
        sqlalchemy.or_(*(place.icontains(word, autoescape=True) for place in places), col(table.id) == word)
        for word in as_kept(search).split()
    ]


def _source(table: Table) -> Any:
    return col(Dataset.source_name) if table is Dataset else col(Model.source_id)


def order(orders: Mapping[str, Any], key: str) -> Any:
    """The clause for `name` or, from the greatest down, `-name`."""
    column = orders[key.removeprefix("-")]
    return column.desc() if key.startswith("-") else column.asc()
