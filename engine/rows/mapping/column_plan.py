"""How a format reads rows with certain columns, found once for all rows that have the same ones."""

from functools import lru_cache
from typing import NamedTuple

from engine.rows.formats.all_formats import FORMATS
from engine.rows.turns.role_names import plain_name
from engine.rows.verdict import Format, Row

MOST_COLUMNS = 64  # rows with more are not remembered: a file may give every row other columns
_POSITIONS = {row_format.name: position for position, row_format in enumerate(FORMATS)}


class ColumnPlan(NamedTuple):
    """How one format reads rows with certain columns: where the parts are, what is left over, and which more
    particular formats of other kinds such a row may be in."""

    parts: dict[str, str]
    rest: tuple[str, ...]
    rivals: tuple[tuple[Format, dict[str, str]], ...]


def make_plan(row_format: Format, columns: tuple[str, ...]) -> ColumnPlan | None:
    """How the format reads rows with these columns; None when it does not."""
    parts = _parts(row_format, columns)
    if parts is None:
        return None
    taken = set(parts.values())
    return ColumnPlan(parts, tuple(name for name in columns if name not in taken), _rivals(row_format, parts, columns))


cached_plan = lru_cache(maxsize=2048)(make_plan)


def plan_for(row_format: Format, columns: tuple[str, ...]) -> ColumnPlan | None:
    """`make_plan`, cheap for columns seen before."""
    return cached_plan(row_format, columns) if len(columns) <= MOST_COLUMNS else make_plan(row_format, columns)


def _parts(row_format: Format, columns: tuple[str, ...]) -> dict[str, str] | None:
    """Part -> column, no column serving two parts; None when a part that must be there is not."""
    by_name = _named(columns)
    parts: dict[str, str] = {}
    for part, names in row_format.parts.items():
        column = next(
            (by_name[name] for name in names if name in by_name and by_name[name] not in parts.values()), None
        )
        if column is not None:
            parts[part] = column
    return parts if any(all(part in parts for part in need) for need in row_format.needs) else None


@lru_cache(maxsize=8)
def _named(columns: tuple[str, ...]) -> dict[str, str]:
    """Column by its name, as it is and as `plain_name` writes it; the first of those that are alike."""
    return {plain_name(str(name)): name for name in reversed(columns)} | {name: name for name in columns}


def _rivals(
    row_format: Format, parts: dict[str, str], columns: tuple[str, ...]
) -> tuple[tuple[Format, dict[str, str]], ...]:
    """More particular formats of other kinds that rows with these columns may be in, and would read more from."""
    more_particular = FORMATS[: _POSITIONS.get(row_format.name, 0)]
    candidates = (
        (rival, _parts(rival, columns))
        for rival in more_particular
        if rival.by_file is None and rival.kind != row_format.kind
    )
    return tuple(
        (rival, rival_parts) for rival, rival_parts in candidates if rival_parts is not None and rival_parts != parts
    )


def format_of(row: Row, columns: tuple[str, ...]) -> Format | None:
    """The first format the row fits into, looking at these of its columns."""
    for row_format in FORMATS:
        if (
            row_format.by_file is None
            and (plan := plan_for(row_format, columns)) is not None
            and row_format.fits(row, plan.parts)
        ):
            return row_format
    return None


def rival_of(row: Row, plan: ColumnPlan) -> Format | None:
    """The more particular format of another kind that the row is in."""
    return next((row_format for row_format, parts in plan.rivals if row_format.fits(row, parts)), None)
