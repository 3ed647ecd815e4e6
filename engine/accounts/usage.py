"""What was used: sums by key, model or day, with names that a person knows."""

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import RefusedError
from storage import db
from storage import usage as stored
from storage.usage import By, Total

OWNER = "the studio's owner"
USUAL_DAYS = 30
COLUMNS = ("id", "name", *stored.SUMS)


@dataclass(frozen=True)
class Line(Total):
    """One line of the usage, with the name of the key; models and days are their own."""

    name: str


def lines(by: By, first_day: str | None = None, last_day: str | None = None) -> list[Line]:
    """The usage from one day to another (2026-11-29, UTC), both with; of the last thirty days if not given.

    Raises RefusedError for what is no day.
    """
    last = _day(last_day) if last_day else datetime.datetime.now(datetime.UTC).date()
    first = _day(first_day) if first_day else last - datetime.timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise RefusedError(f"The usage cannot be told from {first} to {last}.", "Give the earlier day first.")
    with db.reading() as session:
        totals = stored.totals(session, by, first.isoformat(), last.isoformat())
        names = stored.key_names(session, [total.id for total in totals]) if by == "key" else {}
    return [Line(**vars(total), name=_name(by, total.id, names)) for total in totals]


def as_csv(table: Sequence[Line]) -> str:
    """The same as a file. A name that a spreadsheet would take for a formula gets a quote in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in table:
        writer.writerow([_plain(getattr(line, column)) for column in COLUMNS])
    return text.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _name(by: By, id: str, names: dict[str, str]) -> str:
    if by != "key":
        return id
    return names.get(id, id) if id else OWNER


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(f"`{text:.40}` is not a day.", "Write it as 2026-11-29.") from error
