"""A block of JSON lines read by Arrow at once, where every row in it is a clean chat.

Only says yes when `formats.judge` would accept every row as it stands (a test holds the two together). Anything else,
one odd row among a thousand, and the block is judged row by row.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from engine.data import columnar
from engine.data.judged import Judged

NEWLINE, OPEN, CLOSE = b"\n{}"
_PLAIN_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_PARSE = pj.ParseOptions(
    explicit_schema=pa.schema([("messages", pa.list_(_PLAIN_TURN))]), unexpected_field_behavior="error"
)
_TURN = columnar.SCHEMAS["chat"].field("messages").type.value_type
# First bytes of the characters that are spaces in Unicode, beside those of ASCII.
_SPACES = np.zeros(256, bool)
_SPACES[[*range(0x21), 0x7F, 0xC2, 0xE1, 0xE2, 0xE3]] = True


def plain_chats(block: bytes) -> Judged | None:
    """The rows of a block of {"messages": [{"role", "content"}, ...]} lines; None unless all of them are clean."""
    rows = _rows(block)
    if rows is None:
        return None
    chats = _read(block)
    if chats is None or len(chats) != rows or chats.null_count or chats.values.null_count:
        return None
    roles, said = chats.values.flatten()
    if roles.null_count or said.null_count or not _in_order(chats, roles) or not _is_text(said):
        return None
    return Judged(rows, _batch(chats, roles, said))


def _rows(block: bytes) -> int | None:
    """How many lines there are, if each is an object from its first to its last byte.

    Between `}` and `{` nothing but a row can end, as strings hold no bare line breaks and lists have commas.
    """
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == NEWLINE)
    if not len(ends) or ends[-1] != len(text) - 1 or not ends[0]:
        return None
    begins = np.concatenate(([0], ends[:-1] + 1))
    return len(ends) if (text[begins] == OPEN).all() and (text[ends - 1] == CLOSE).all() else None


def _read(block: bytes) -> pa.ListArray | None:
    options = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
    try:
        table = pj.read_json(pa.BufferReader(block), read_options=options, parse_options=_PARSE)
        found: pa.ListArray = table.column("messages").combine_chunks()
        found.validate(full=True)  # of UTF-8, above all
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowCapacityError):
        return None
    return found


def _in_order(chats: pa.ListArray, roles: pa.StringArray) -> bool:
    """Whether each chat has perhaps a system turn, then questions and answers in turn, an answer last."""
    starts = _ends(chats)
    lengths = np.diff(starts)
    if starts[0] or not len(roles) or not lengths.all():
        return False
    sizes = np.diff(_ends(roles))
    led = sizes[starts[:-1]] == len("system")
    pairs = lengths - led
    place = np.arange(len(roles)) - np.repeat(starts[:-1] + led, lengths)  # in the chat, the system turn at -1
    asks, answers = (place % 2 == 0) & (place >= 0), place % 2 == 1
    answers &= place > 0
    return bool(
        pairs.all()
        and not (pairs % 2).any()
        and _are(roles, asks, b"user")
        and _are(roles, answers, b"assistant")
        and _are(roles, place < 0, b"system")
    )


def _are(roles: pa.StringArray, which: Any, role: bytes) -> bool:
    """Whether just this role stands in all the places that `which` marks."""
    ends = _ends(roles)
    starts = ends[:-1][which]
    if (ends[1:][which] - starts != len(role)).any():
        return False
    letters = _bytes(roles)[starts[:, None] + np.arange(len(role))]
    return bool((letters == np.frombuffer(role, np.uint8)).all())


def _ends(texts: pa.Array) -> Any:
    """Where each begins, and the last one ends: one more than there are."""
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]


def _bytes(texts: pa.StringArray) -> Any:
    return np.frombuffer(texts.buffers()[2], np.uint8)


def _is_text(said: pa.StringArray) -> bool:
    """Whether no text is empty, nothing but spaces, or has a NUL character in it."""
    ends, letters = _ends(said), _bytes(said)
    if not np.diff(ends).all() or not letters[ends[0] : ends[-1]].all():
        return False
    doubtful = np.flatnonzero(_SPACES[letters[ends[:-1]]])
    return not any(map(str.isspace, said.take(pa.array(doubtful)).to_pylist()))


def _batch(chats: pa.ListArray, roles: pa.StringArray, said: pa.StringArray) -> pa.RecordBatch:
    count, schema = len(chats), columnar.SCHEMAS["chat"]
    keys = {"role": roles, "content": said}
    turns = [keys.get(field.name, pa.nulls(len(roles), field.type)) for field in _TURN]
    messages = pa.ListArray.from_arrays(
        chats.offsets, pa.StructArray.from_arrays(turns, fields=list(_TURN)), type=schema.field("messages").type
    )
    columns = {"messages": messages, "row": pa.array(np.arange(1, count + 1))}
    return pa.record_batch([columns.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=schema)
