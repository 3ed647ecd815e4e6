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


def judge_rows(rows: Iterable[Any], file_format: Format) -> Judged:
    """The verdict on each row (what a reader gave: a dict, a Rejection, anything) of a file in this format."""
    result = Judged(0, None)
    values: list[dict[str, Any]] = []
    numbers: list[int] = []
    remaining = iter(rows)
    while handful := list(islice(remaining, HANDFUL)):
        first = result.rows + 1
        result.rows += len(handful)
        if file_format is messages.FORMAT and common_chats.plain_chats(handful):
            values += handful
            numbers += range(first, first + len(handful))
        else:
            for number, row in enumerate(handful, first):
                _judge(number, row, file_format, result, (values, numbers))
    result.batch = columns.batch(values, numbers, columnar.SCHEMAS[file_format.kind])
    return result


def _judge(
    number: int, row: Any, file_format: Format, result: Judged, accepted: tuple[list[dict[str, Any]], list[int]]
) -> None:
    verdict = detection.judge(row, file_format)
    if isinstance(verdict, Rejection):
        result.rejected.append((number, _reason(verdict)))
        result.rules[verdict.rule] += 1
        return
    accepted[0].append(verdict.values)
    accepted[1].append(number)
    if verdict.repairs:
        result.repaired += 1
        result.repairs.update(verdict.repairs)


def _reason(rejection: Rejection) -> bytes:
    fields = {"rule": rejection.rule, "value": rejection.value, "fix": rejection.fix}
    return orjson.dumps(fields)[1:]  # after the number of the row, see `rejected`
