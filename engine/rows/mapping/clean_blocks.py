"""A block of JSON lines read by Arrow at once, where all rows in it, or all but a few, are clean.

A row is only taken when `detection.judge` would accept it as it stands (a test holds the two together). The lines of
the few others are handed back; where there are many, or the block is no JSON, it is to be judged row by row.
`CLEAN_FORMATS` has the formats of which blocks can be read so.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from engine.rows.formats import messages, pairs, text
from engine.rows.mapping.judged_rows import Judged
from engine.rows.store import columnar, columns
from engine.rows.verdict import Kind

NEWLINE, OPEN, CLOSE = b"\n{}"
FEW = 32  # one row in so many may be odd; else judging every row is as quick
_PLAIN_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_TURN = columnar.SCHEMAS["chat"].field("messages").type.value_type
_ROLES = columns.texts(["user", "assistant", "system"])
_USER, _ASSISTANT, _SYSTEM, _UNKNOWN, _NONE = range(5)  # _NONE: what is before the first turn
_FOLLOWS = np.zeros((5, 5), bool)  # [before, turn]
_FOLLOWS[[_NONE, _NONE, _SYSTEM, _USER, _ASSISTANT], [_USER, _SYSTEM, _USER, _ASSISTANT, _USER]] = True
# First bytes of the characters that are spaces in Unicode, beside those of ASCII.
_SPACES = np.zeros(256, bool)
_SPACES[[*range(0x21), 0x7F, 0xC2, 0xE1, 0xE2, 0xE3]] = True
_SPACES_OR_JSON = _SPACES.copy()
_SPACES_OR_JSON[[*b"[{"]] = True


class CleanFormat(NamedTuple):
    """How clean rows of a format are read: `columns` are all a row has, `odd` says which rows are not clean."""

    kind: Kind
    columns: pa.Schema
    odd: Callable[[pa.RecordBatch], Any]
    stored: Callable[[pa.RecordBatch], dict[str, pa.Array]]


def rows(block: bytes, clean_format: CleanFormat) -> list[Judged | bytes] | None:
    """The rows of a block of lines, in order: clean ones together, odd ones as their lines.

    None when so many are odd, or cannot be read at all, that nothing is won.
    """
    ends = _line_ends(block)
    if ends is None:
        return None
    batch = _read(block, clean_format.columns)
    if batch is None or batch.num_rows != len(ends):
        return None
    odd = np.flatnonzero(clean_format.odd(batch))
    if len(odd) * FEW > len(ends):
        return None
    clean_batch = _batch(batch, clean_format)
    return list(_parts(block, ends, clean_batch, odd)) if len(odd) else [Judged(len(ends), clean_batch)]


def _parts(block: bytes, ends: Any, clean_batch: pa.RecordBatch, odd: Any) -> Iterator[Judged | bytes]:
    done = 0
    for row in [*odd.tolist(), len(ends)]:
        if row > done:
            yield Judged(row - done, columnar.shifted(clean_batch.slice(done, row - done), -done))
        if row < len(ends):
            yield block[ends[row - 1] + 1 if row else 0 : ends[row] + 1]
        done = row + 1


def _line_ends(block: bytes) -> Any | None:
    """Where each line ends, if each is an object from its first to its last byte.

    Between `}` and `{` nothing but a row can end, as strings hold no bare line breaks and lists have commas.
    """
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == NEWLINE)
    if not len(ends) or ends[-1] != len(text) - 1 or not ends[0] or text[0] != OPEN:
        return None
    return ends if (text[ends[:-1] + 1] == OPEN).all() and (text[ends - 1] == CLOSE).all() else None


def _read(block: bytes, schema: pa.Schema) -> pa.RecordBatch | None:
    read_options = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
    parse_options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    try:
        table = pj.read_json(pa.BufferReader(block), read_options=read_options, parse_options=parse_options)
        batch: pa.RecordBatch = table.combine_chunks().to_batches()[0]
        batch.validate(full=True)  # of UTF-8, above all
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowCapacityError):
        return None
    return batch


def _odd_chats(batch: pa.RecordBatch) -> Any:
    """Those with other turns than questions and answers in turn, perhaps after a system turn, or with texts amiss."""
    chats = batch.column("messages")
    starts = _offsets(chats)
    roles, texts = chats.values.flatten()
    if not len(roles) or len(roles) != starts[-1]:
        return np.ones(len(chats), bool)
    turns = _role_numbers(roles)
    empty = np.diff(starts) == 0
    previous = np.concatenate(([_NONE], turns[:-1]))
    previous[starts[:-1][~empty]] = _NONE
    odd = empty | (turns[starts[1:] - 1] != _ASSISTANT)
    odd[np.searchsorted(starts, np.flatnonzero(~_FOLLOWS[previous, turns] | _amiss(texts)), side="right") - 1] = True
    return odd


def _odd_texts(batch: pa.RecordBatch) -> Any:
    return _amiss(batch.column("text"))


def _odd_pairs(batch: pa.RecordBatch) -> Any:
    """Where a text is amiss or begins like JSON, which may be turns."""
    return _amiss(batch.column("prompt"), may_be_turns=True) | _amiss(batch.column("completion"), may_be_turns=True)


def _role_numbers(roles: pa.StringArray) -> Any:
    """The place of each in _ROLES, or _UNKNOWN."""
    indices = pc.index_in(roles, value_set=_ROLES)
    numbers = np.frombuffer(indices.buffers()[1], np.int32)[indices.offset : indices.offset + len(indices)]
    return (
        np.where(indices.is_null().to_numpy(zero_copy_only=False), _UNKNOWN, numbers) if indices.null_count else numbers
    )


def _offsets(texts: pa.Array) -> Any:
    """Where each begins, and the last one ends: one more than there are."""
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def _amiss(texts: pa.StringArray, may_be_turns: bool = False) -> Any:
    """Which texts are missing, empty, nothing but spaces, or have a NUL character in them."""
    offsets = _offsets(texts)
    amiss = np.diff(offsets) == 0
    if amiss.all():
        return amiss
    filled = np.flatnonzero(~amiss)
    characters = np.frombuffer(texts.buffers()[2], np.uint8)
    doubtful = filled[(_SPACES_OR_JSON if may_be_turns else _SPACES)[characters[offsets[filled]]]]
    starts = [start.lstrip()[:1] for start in texts.take(columns.integers(doubtful)).to_pylist()]
    amiss[doubtful] = [not start or (may_be_turns and start in "[{") for start in starts]
    if not characters[offsets[0] : offsets[-1]].all():
        amiss[np.searchsorted(offsets, np.flatnonzero(characters[: offsets[-1]] == 0), side="right") - 1] = True
    return amiss


def _batch(batch: pa.RecordBatch, clean_format: CleanFormat) -> pa.RecordBatch:
    count, schema = batch.num_rows, columnar.SCHEMAS[clean_format.kind]
    arrays = {**clean_format.stored(batch), "row": columns.integers(np.arange(1, count + 1))}
    return pa.record_batch([arrays.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=schema)


def _chats(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    chats = batch.column("messages")
    keys = dict(zip(("role", "content"), chats.values.flatten(), strict=True))
    turns = [keys.get(field.name, pa.nulls(len(chats.values), field.type)) for field in _TURN]
    structs = pa.StructArray.from_arrays(turns, fields=list(_TURN))
    return {"messages": pa.ListArray.from_arrays(chats.offsets, structs, type=pa.list_(_TURN))}


def _as_they_are(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


CLEAN_FORMATS = {
    messages.FORMAT.name: CleanFormat("chat", pa.schema([("messages", pa.list_(_PLAIN_TURN))]), _odd_chats, _chats),
    text.FORMAT.name: CleanFormat("text", _texts("text"), _odd_texts, _as_they_are),
    pairs.FORMAT.name: CleanFormat("completion", _texts("prompt", "completion"), _odd_pairs, _as_they_are),
}
