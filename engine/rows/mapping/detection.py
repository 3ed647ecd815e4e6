"""The formats the studio reads, which one a file is in, and the verdict on each of its rows.

`detect(rows)` finds the format of a file from its first rows (None: nobody knows), `confidence(rows, mostly)` the share
of them that is in it, and `judge(row, mostly)` the verdict on each row. For those who show or change what is read from
where:

* `parts_of(row, mostly)`: part -> the column it is taken from in this row, e.g. {"prompt": "question", "completion":
  "answer"}; every other column with something in it goes to `extra`.
* `parts.PARTS[kind]`: the parts a row of a kind may have, `parts.NEEDS[kind]` the sets of which one must be there, and
  `parts.ABOUT[part]` what it is.
* `words.OURS` are the roles there are, `words.USUAL.who` and `.what` the keys a turn may have for them.
* `mapped(kind, {part: column}, words)`: a Format that reads these columns and no others, by the same code as every
  format. `words.words(who, what, roles)` makes the words of a person: the keys of a turn, and role names -> ours.
  `detect` is then left out; `confidence` and `judge` take the mapped format as any other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.errors import RefusedError
from engine.rows.formats import all_formats as every
from engine.rows.kinds import chat, preference, prompt, row_parts, texts, unpaired
from engine.rows.mapping import column_plan as ways
from engine.rows.turns import cells
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.verdict import Format, Kind, Parts, Rejection, Repairs, Row, Values

FORMATS = every.FORMATS
NOTHING: frozenset[str] = frozenset()
_READ: dict[Kind, Callable[[Row, Parts, Repairs], Values]] = {
    "completion": texts.read_completion,
    "text": texts.read_text,
    "stepwise": texts.read_steps,
}
_READ_TURNS: dict[Kind, Callable[[Row, Parts, Repairs, Words], Values]] = {
    "chat": chat.read,
    "preference": preference.read,
    "unpaired": unpaired.read,
    "prompt": prompt.read,
}


class Accepted(NamedTuple):
    """A row as it will be trained on: the columns of the dataset's kind, and the repairs it took."""

    values: Values
    repairs: frozenset[str]


@dataclass(frozen=True)
class _Worded:
    """A reader of turns that knows a person's words."""

    read: Callable[[Row, Parts, Repairs, Words], Values]
    words: Words

    def __call__(self, row: Row, found: Parts, repairs: Repairs) -> Values:
        return self.read(row, found, repairs, self.words)


def judge(row: Any, mostly: Format) -> Accepted | Rejection:
    """The verdict on one row of a file that is mostly in one format. Rows of other formats are welcome if they can
    become the same kind. A Rejection in place of a row is a verdict already."""
    repairs: Repairs = set()
    try:
        if type(row) is not dict:
            return row if isinstance(row, Rejection) else Rejection("not_an_object", row)
        columns = _filled(row)
        way = ways.way(mostly, columns)
        if way is not None and not way.rivals and mostly.fits(row, way.parts):
            values = _values(row, mostly, way, repairs)
        else:
            values = _read_otherwise(row, mostly, columns, repairs)
    except Rejection as rejection:
        return rejection.with_traceback(None)  # which would keep this frame, and so the row, until garbage is collected
    except RecursionError:  # JSON inside a text, deeper than a row itself may be
        return Rejection("too_deep", list(row))
    return Accepted(values, frozenset(repairs) if repairs else NOTHING)


def format_of(row: Any) -> Format | None:
    """The format one row is written in, or None. Columns without anything in them count only when no other way fits."""
    return ways.written(row, _filled(row)) or ways.written(row, tuple(row)) if isinstance(row, dict) else None


def detect(rows: Iterable[Any]) -> Format | None:
    """The format most of these rows are written in; None when none of them is in any."""
    looked_at = list(rows)
    counts = Counter(found.name for row in looked_at if (found := format_of(row)))
    usual = next((one for one in FORMATS if one.name == counts.most_common(1)[0][0]), None) if counts else None
    if usual is None or usual.kind not in ("chat", "completion"):
        return usual
    return next((one for one in FORMATS if one.by_file and one.by_file(looked_at)), usual)


def confidence(rows: Sequence[Any], mostly: Format) -> float:
    """The share of these rows that is written in the format, 0 to 1."""
    return sum(bool(parts_of(row, mostly)) for row in rows) / len(rows) if rows else 0.0


def parts_of(row: Any, mostly: Format) -> dict[str, str]:
    """Part -> the column it is read from in this row; empty when the row is not in this format."""
    if not isinstance(row, dict):
        return {}
    way = ways.way(mostly, _filled(row))
    if way is None or not mostly.fits(row, way.parts) or ways.rival(row, way) is not None:
        return {}
    return dict(way.parts)


def mapped(kind: Kind, columns: Mapping[str, str], words: Words = USUAL) -> Format:
    """The format of a file of which a person said which column is which part. Raises RefusedError when a part is
    missing, unknown for the kind, or one column is to be two parts."""
    unknown = [part for part in columns if part not in row_parts.PARTS[kind]]
    if unknown:
        has = ", ".join(row_parts.PARTS[kind])
        raise RefusedError(f"A row of the kind {kind} has no part {unknown[0]}.", f"Its parts: {has}.")
    if len(set(columns.values())) < len(columns):
        raise RefusedError("One column is mapped to two parts.", "Give each part a column of its own.")
    needs = tuple(need for need in row_parts.NEEDS[kind] if set(need) <= set(columns))
    if not needs:
        ways = "; or ".join(" and ".join(need) for need in row_parts.NEEDS[kind])
        raise RefusedError(f"A row of the kind {kind} needs more parts.", f"Map a column to each of {ways}.")
    return Format(
        name="mapping",
        kind=kind,
        columns=", ".join(f"`{column}` as {part}" for part, column in columns.items()),
        example={},
        parts={part: (column,) for part, column in columns.items()},
        needs=needs[:1],
        read=_READ.get(kind) or _Worded(_READ_TURNS[kind], words),
        alone=True,
    )


def columns_of(rows: Iterable[Any], most: int = 20) -> list[str]:
    """The names of the columns in these rows, the commonest first."""
    counts = Counter(str(name) for row in rows if isinstance(row, dict) for name in row)
    return [name for name, _ in counts.most_common(most)]


def _filled(row: Row) -> tuple[str, ...]:
    """The columns with something in them. 0 and False are something."""
    return tuple([name for name, value in row.items() if value or value == 0])


def _values(row: Row, written: Format, way: ways.Way, repairs: Repairs) -> Values:
    values = written.read(row, way.parts, repairs)
    if way.rest:
        extra = {name: cells.plain(value) for name in way.rest if (value := row[name]) or value == 0}
        if extra:
            values["extra"] = {**values.get("extra", {}), **extra}
    return values


def _read_otherwise(row: Row, mostly: Format, columns: tuple[str, ...], repairs: Repairs) -> Values:
    """A row that is not simply in the format of its file: in another that comes to the same kind, or without what it
    should have (then its own format says what is missing), or of another kind."""
    own, rival = ways.way(mostly, columns), None
    if own is not None and mostly.fits(row, own.parts):
        rival = ways.rival(row, own)
        if rival is None:
            return _values(row, mostly, own, repairs)
    other = rival or _other(row, mostly, columns)
    if other is not None and _becomes(other, mostly):
        return _as_kind(row, other, mostly, columns, repairs)
    every = tuple(row)
    if rival is None and (own := ways.way(mostly, every)) is not None:
        return _values(row, mostly, own, repairs)
    other = other or _other(row, mostly, every)
    if other is None:
        raise Rejection("unknown_columns", list(row))
    if not _becomes(other, mostly):
        raise Rejection("other_kind", other.name)
    return _as_kind(row, other, mostly, every, repairs)


def _other(row: Row, mostly: Format, columns: tuple[str, ...]) -> Format | None:
    return None if mostly.alone else ways.written(row, columns)


def _becomes(written: Format, mostly: Format) -> bool:
    return written.kind == mostly.kind or (written.kind, mostly.kind) == ("completion", "chat")


def _as_kind(row: Row, written: Format, mostly: Format, columns: tuple[str, ...], repairs: Repairs) -> Values:
    way = ways.way(written, columns)
    if way is None:
        raise Rejection("unknown_columns", list(row))
    values = _values(row, written, way, repairs)
    if written.kind == mostly.kind:
        return values
    asked, answered = values.pop("prompt"), values.pop("completion")
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return {"messages": turns, **values}
