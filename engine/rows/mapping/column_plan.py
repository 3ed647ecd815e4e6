"""How a format reads rows with certain columns, found once for all rows that have the same ones."""

from functools import lru_cache
from typing import NamedTuple

from engine.rows.formats.all_formats import FORMATS
from engine.rows.turns.role_names import plain_name
from engine.rows.verdict import Format, Row

MOST_COLUMNS = 64  # rows with more are not remembered: a file may give every row other columns
_PLACES = {one.name: place for place, one in enumerate(FORMATS)}


class Way(NamedTuple):
    """How one format reads rows with certain columns: where the parts are, what is left over, and which more
    particular formats of other kinds such a row may be in."""

    parts: dict[str, str]
    rest: tuple[str, ...]
    rivals: tuple[tuple[Format, dict[str, str]], ...]


def found_way(one: Format, columns: tuple[str, ...]) -> Way | None:
    """How the format reads rows with these columns; None when it does not."""
    found = _parts(one, columns)
    if found is None:
        return None
    taken = set(found.values())
    return Way(found, tuple(name for name in columns if name not in taken), _rivals(one, found, columns))


known_way = lru_cache(maxsize=2048)(found_way)


def way(one: Format, columns: tuple[str, ...]) -> Way | None:
    """`found_way`, cheap for columns seen before."""
    return known_way(one, columns) if len(columns) <= MOST_COLUMNS else found_way(one, columns)


def _parts(one: Format, columns: tuple[str, ...]) -> dict[str, str] | None:
    """Part -> column, no column serving two parts; None when a part that must be there is not."""
    named = _named(columns)
    found: dict[str, str] = {}
    for part, names in one.parts.items():
        column = next((named[name] for name in names if name in named and named[name] not in found.values()), None)
        if column is not None:
            found[part] = column
    return found if any(all(part in found for part in need) for need in one.needs) else None


@lru_cache(maxsize=8)
def _named(columns: tuple[str, ...]) -> dict[str, str]:
    """Column by its name, as it is and as `plain_name` writes it; the first of those that are alike."""
    return {plain_name(str(name)): name for name in reversed(columns)} | {name: name for name in columns}


def _rivals(one: Format, found: dict[str, str], columns: tuple[str, ...]) -> tuple[tuple[Format, dict[str, str]], ...]:
    """More particular formats of other kinds that rows with these columns may be in, and would read more from."""
    before = FORMATS[: _PLACES.get(one.name, 0)]
    able = ((other, _parts(other, columns)) for other in before if other.by_file is None and other.kind != one.kind)
    return tuple((other, more) for other, more in able if more is not None and more != found)


def written(row: Row, columns: tuple[str, ...]) -> Format | None:
    """The first format the row fits into, looking at these of its columns."""
    for one in FORMATS:
        if one.by_file is None and (found := way(one, columns)) is not None and one.fits(row, found.parts):
            return one
    return None


def rival(row: Row, found: Way) -> Format | None:
    """The more particular format of another kind that the row is in."""
    return next((one for one, parts in found.rivals if one.fits(row, parts)), None)
