"""The formats the studio reads, which one a file is in, and the verdict on each of its rows.

`detect(rows)` finds the format of a file from its first rows (None: nobody knows), `confidence(rows, file_format)` the
share of them that is in it, and `judge(row, file_format)` the verdict on each row. For those who show or change what is
read from where:

* `parts_of(row, file_format)`: part -> the column it is taken from in this row, e.g. {"prompt": "question",
  "completion": "answer"}; every other column with something in it goes to `extra`.
* `row_parts.PARTS[kind]`: the parts a row of a kind may have, `row_parts.NEEDS[kind]` the sets of which one must be
  there, and `row_parts.ABOUT[part]` what it is.
* `role_names.OURS` are the roles there are, `role_names.USUAL.who` and `.what` the keys a turn may have for them.
* `mapped(kind, {part: column}, words)`: a Format that reads these columns and no others, by the same code as every
  format. `role_names.words(who, what, roles)` makes the words of a person: the keys of a turn, and role names -> ours.
  `detect` is then left out; `confidence` and `judge` take the mapped format as any other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.errors import RefusedError
from engine.rows.formats import all_formats
from engine.rows.kinds import chat, preference, prompt, row_parts, texts, unpaired
from engine.rows.mapping import column_plan
from engine.rows.turns import cells
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.verdict import Format, Kind, Mended, Parts, Rejection, Repairs, Row, Values

FORMATS = all_formats.FORMATS
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

    def __call__(self, row: Row, parts: Parts, repairs: Repairs) -> Values:
        return self.read(row, parts, repairs, self.words)


def judge(row: Any, file_format: Format) -> Accepted | Rejection:
    """The verdict on one row of a file that is mostly in one format. Rows of other formats are welcome if they can
    become the same kind. A Rejection in place of a row is a verdict already."""
    repairs: Repairs = set()
    try:
        if isinstance(row, Mended):
            repairs |= row.repairs
            row = row.row
        if type(row) is not dict:
            return row if isinstance(row, Rejection) else Rejection("not_an_object", row)
        columns = _filled(row)
        plan = column_plan.plan_for(file_format, columns)
        if plan is not None and not plan.rivals and file_format.fits(row, plan.parts):
            values = _values(row, file_format, plan, repairs)
        else:
            values = _read_otherwise(row, file_format, columns, repairs)
    except Rejection as rejection:
        return rejection.with_traceback(None)  # which would keep this frame, and so the row, until garbage is collected
    except RecursionError:  # JSON inside a text, deeper than a row itself may be
        return Rejection("too_deep", list(row))
    return Accepted(values, frozenset(repairs) if repairs else NOTHING)


def format_of(row: Any) -> Format | None:
    """The format one row is written in, or None. Columns without anything in them count only when no other way fits."""
    return (
        column_plan.format_of(row, _filled(row)) or column_plan.format_of(row, tuple(row))
        if isinstance(row, dict)
        else None
    )


def detect(rows: Iterable[Any]) -> Format | None:
    """The format most of these rows are written in; None when none of them is in any."""
    sample = list(rows)
    counts = Counter(row_format.name for row in sample if (row_format := format_of(row)))
    commonest = (
        next((row_format for row_format in FORMATS if row_format.name == counts.most_common(1)[0][0]), None)
        if counts
        else None
    )
    if commonest is None or commonest.kind not in ("chat", "completion"):
        return commonest
    return next((row_format for row_format in FORMATS if row_format.by_file and row_format.by_file(sample)), commonest)


def confidence(rows: Sequence[Any], file_format: Format) -> float:
    """The share of these rows that is written in the format, 0 to 1."""
    return sum(bool(parts_of(row, file_format)) for row in rows) / len(rows) if rows else 0.0


def parts_of(row: Any, file_format: Format) -> dict[str, str]:
    """Part -> the column it is read from in this row; empty when the row is not in this format."""
    if not isinstance(row, dict):
        return {}
    plan = column_plan.plan_for(file_format, _filled(row))
    if plan is None or not file_format.fits(row, plan.parts) or column_plan.rival_of(row, plan) is not None:
        return {}
    return dict(plan.parts)


def mapped(kind: Kind, columns: Mapping[str, str], words: Words = USUAL) -> Format:
    """The format of a file of which a person said which column is which part. Raises RefusedError when a part is
    missing, unknown for the kind, or one column is to be two parts."""
    unknown = [part for part in columns if part not in row_parts.PARTS[kind]]
    if unknown:
        known_parts = ", ".join(row_parts.PARTS[kind])
        raise RefusedError(f"A row of the kind {kind} has no part {unknown[0]}.", f"Its parts: {known_parts}.")
    if len(set(columns.values())) < len(columns):
        raise RefusedError("One column is mapped to two parts.", "Give each part a column of its own.")
    needs = tuple(need for need in row_parts.NEEDS[kind] if set(need) <= set(columns))
    if not needs:
        options = "; or ".join(" and ".join(need) for need in row_parts.NEEDS[kind])
        raise RefusedError(f"A row of the kind {kind} needs more parts.", f"Map a column to each of {options}.")
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


def _values(row: Row, row_format: Format, plan: column_plan.ColumnPlan, repairs: Repairs) -> Values:
    values = row_format.read(row, plan.parts, repairs)
    if plan.rest:
        extra = {name: cells.plain(value) for name in plan.rest if (value := row[name]) or value == 0}
        if extra:
            values["extra"] = {**values.get("extra", {}), **extra}
    return values


def _read_otherwise(row: Row, file_format: Format, columns: tuple[str, ...], repairs: Repairs) -> Values:
    """A row that is not simply in the format of its file: in another that comes to the same kind, or without what it
    should have (then its own format says what is missing), or of another kind."""
    plan, rival = column_plan.plan_for(file_format, columns), None
    if plan is not None and file_format.fits(row, plan.parts):
        rival = column_plan.rival_of(row, plan)
        if rival is None:
            return _values(row, file_format, plan, repairs)
    other_format = rival or _other(row, file_format, columns)
    if other_format is not None and _becomes(other_format, file_format):
        return _as_kind(row, other_format, file_format, columns, repairs)
    all_columns = tuple(row)
    if rival is None and (plan := column_plan.plan_for(file_format, all_columns)) is not None:
        return _values(row, file_format, plan, repairs)
    other_format = other_format or _other(row, file_format, all_columns)
    if other_format is None:
        raise Rejection("unknown_columns", list(row))
    if not _becomes(other_format, file_format):
        raise Rejection("other_kind", other_format.name)
    return _as_kind(row, other_format, file_format, all_columns, repairs)


def _other(row: Row, file_format: Format, columns: tuple[str, ...]) -> Format | None:
    return None if file_format.alone else column_plan.format_of(row, columns)


def _becomes(row_format: Format, file_format: Format) -> bool:
    return row_format.kind == file_format.kind or (row_format.kind, file_format.kind) == ("completion", "chat")


def _as_kind(row: Row, row_format: Format, file_format: Format, columns: tuple[str, ...], repairs: Repairs) -> Values:
    plan = column_plan.plan_for(row_format, columns)
    if plan is None:
        raise Rejection("unknown_columns", list(row))
    values = _values(row, row_format, plan, repairs)
    if row_format.kind == file_format.kind:
        return values
    prompt, completion = values.pop("prompt"), values.pop("completion")
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
    return {"messages": turns, **values}
