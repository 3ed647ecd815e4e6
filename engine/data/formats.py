"""The formats the studio reads, which one a file is in, and the verdict on each of its rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.data import alpaca, exchanges, messages, not_yet, pairs, plain, sharegpt
from engine.data.verdict import Format, Rejection, Repairs

# In the order they are tried: what is more particular comes first.
FORMATS = (
    messages.FORMAT,
    sharegpt.FORMAT,
    exchanges.FORMAT,
    alpaca.FORMAT,
    pairs.FORMAT,
    plain.FORMAT,
)


@dataclass(frozen=True)
class Accepted:
    """A row as it will be trained on: the columns of the dataset's kind, and the repairs it took."""

    values: dict[str, Any]
    repairs: frozenset[str]


def format_of(row: Any) -> Format | None:
    """The format one row is written in, or None."""
    if not isinstance(row, dict) or not_yet.rule(row):
        return None
    return next((one for one in FORMATS if one.fits(row)), None)


def detect(rows: Iterable[Any]) -> Format | None:
    """The format most of these rows are written in; None when none of them is in any."""
    counts = Counter(found.name for row in rows if (found := format_of(row)))
    if not counts:
        return None
    name = counts.most_common(1)[0][0]
    return next(one for one in FORMATS if one.name == name)


def judge(row: Any, mostly: Format) -> Accepted | Rejection:
    """The verdict on one row of a file that is mostly in one format. Rows of other formats are welcome if they can
    become the same kind."""
    repairs: Repairs = set()
    try:
        values = _read(row, mostly, repairs)
    except Rejection as rejection:
        return rejection
    return Accepted(values, frozenset(repairs))


def _read(row: Any, mostly: Format, repairs: Repairs) -> dict[str, Any]:
    if isinstance(row, Rejection):
        raise row  # the reader could not make a row of it
    if not isinstance(row, dict):
        raise Rejection("not_an_object", row)
    if (rule := not_yet.rule(row)) is not None:
        raise Rejection(rule, list(row))
    written = format_of(row)
    if written is None:
        raise Rejection("unknown_columns", list(row))
    return _as_kind(written.read(row, repairs), written, mostly)


def _as_kind(values: dict[str, Any], written: Format, mostly: Format) -> dict[str, Any]:
    if written.kind == mostly.kind:
        return values
    if (written.kind, mostly.kind) == ("completion", "chat"):
        asked = {"role": "user", "content": values["prompt"]}
        return {"messages": [asked, {"role": "assistant", "content": values["completion"]}]}
    raise Rejection("other_kind", written.name)


def columns_of(rows: Iterable[Any], most: int = 20) -> list[str]:
    """The names of the columns in these rows, the commonest first."""
    counts = Counter(str(name) for row in rows if isinstance(row, dict) for name in row)
    return [name for name, _ in counts.most_common(most)]
