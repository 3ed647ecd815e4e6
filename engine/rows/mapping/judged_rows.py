"""Many rows judged at once: those that are taken as columns, the others as lines for rejected.jsonl.

Rows are numbered from 1 within what is judged together; who puts the parts of a file together adds what came before.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa

from engine.rows.formats import messages
from engine.rows.mapping import detection
from engine.rows.store import columnar, columns
from engine.rows.turns import common_chats
from engine.rows.verdict import Format, Rejection

HANDFUL = 100


@dataclass
class Judged:
    """The verdicts on `rows` rows. `rejected`: the number of a row, and why it was not taken, as the rest of a line."""

    rows: int
    batch: pa.RecordBatch
    rejected: list[tuple[int, bytes]] = field(default_factory=list)
    repaired: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)


def judged(rows: Iterable[Any], mostly: Format) -> Judged:
    """The verdict on each row (what a reader found: a dict, a Rejection, anything) of a file in the format `mostly`."""
    found = Judged(0, None)
    values: list[dict[str, Any]] = []
    numbers: list[int] = []
    coming = iter(rows)
    while handful := list(islice(coming, HANDFUL)):
        first = found.rows + 1
        found.rows += len(handful)
        if mostly is messages.FORMAT and common_chats.plain_chats(handful):
            values += handful
            numbers += range(first, first + len(handful))
        else:
            for number, row in enumerate(handful, first):
                _judge(number, row, mostly, found, (values, numbers))
    found.batch = columns.batch(values, numbers, columnar.SCHEMAS[mostly.kind])
    return found


def _judge(number: int, row: Any, mostly: Format, found: Judged, taken: tuple[list[dict[str, Any]], list[int]]) -> None:
    verdict = detection.judge(row, mostly)
    if isinstance(verdict, Rejection):
        found.rejected.append((number, _why(verdict)))
        found.rules[verdict.rule] += 1
        return
    taken[0].append(verdict.values)
    taken[1].append(number)
    if verdict.repairs:
        found.repaired += 1
        found.repairs.update(verdict.repairs)


def _why(rejection: Rejection) -> bytes:
    said = {"rule": rejection.rule, "value": rejection.value, "fix": rejection.fix}
    return orjson.dumps(said)[1:]  # after the number of the row, see `rejected`
