"""Rows of one kind as rows of another, where that loses nothing: a prompt with its completion is a short chat.

Merged rows remember where they came from: `extra` gets `from_dataset`, unless an earlier merge has written it.
"""

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa

from engine.errors import RefusedError
from engine.rows.store import columnar, columns
from engine.rows.verdict import Kind

ORIGIN = "from_dataset"


def common_kind(kinds: Sequence[Kind]) -> Kind:
    """The kind that rows of all these kinds can have. Raises RefusedError when there is none."""
    if len(set(kinds)) == 1:
        return kinds[0]
    if set(kinds) == {"chat", "completion"}:
        return "chat"
    listed = ", ".join(dict.fromkeys(kinds))
    raise RefusedError(
        f"Rows of these kinds cannot become one dataset: {listed}.",
        "Merge datasets of one kind; only prompt/completion pairs can join chats.",
    )


def as_kind(batch: pa.RecordBatch, source_kind: Kind, target_kind: Kind) -> pa.RecordBatch:
    """The same rows, as rows of the kind `after`."""
    if source_kind == target_kind:
        return batch
    rows = list(columns.plain(batch))
    return columns.batch([_chat(row) for row in rows], [row["row"] for row in rows], columnar.SCHEMAS[target_kind])


def _chat(row: dict[str, Any]) -> dict[str, Any]:
    user_turn = {"role": "user", "content": row["prompt"]}
    rest = {"extra": row["extra"]} if "extra" in row else {}
    return {"messages": [user_turn, {"role": "assistant", "content": row["completion"]}], **rest}


def with_source_name(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """The same rows, each with the name of the dataset it comes from."""
    return columns.with_extra(batch, ORIGIN, name)


def without_source_name(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows without that name, to compare them with those they came from."""
    cells = [_unmarked(cell) if cell and ORIGIN in cell else cell for cell in batch.column("extra").to_pylist()]
    column_index = batch.schema.get_field_index("extra")
    return batch.set_column(column_index, batch.schema.field(column_index), pa.array(cells, pa.string()))


def _unmarked(cell: str) -> str | None:
    remaining = {name: value for name, value in orjson.loads(cell).items() if name != ORIGIN}
    return orjson.dumps(remaining).decode() if remaining else None
