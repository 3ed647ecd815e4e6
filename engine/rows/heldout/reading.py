"""Reads what the choice of held-out rows needs of a dataset's file, in one pass and bounded memory.

A row takes some forty bytes of memory, and four hundred of disk while rows are compared: a million rows, 40 MB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.rows.health import batch as health_batch
from engine.rows.health.fingerprints import Hashes, Positions, fingerprints
from engine.rows.health.sketch_store import SketchStore
from engine.rows.health.sketches import normal
from engine.rows.heldout.choice import EVAL, LEARNT, TEST, Sides
from engine.rows.heldout.groups import NO_KEY, Traits, together

# Of more rows near duplicates are not looked for: a core takes half a minute for so many, and longer for long ones.
MOST_COMPARED_ROWS = 300_000

_IDS = "conversation_id|conversation_hash|conversation|conv_id|thread_id|thread_ts|dialog_id|dialogue_id|session_id"
_CONVERSATION = rf'"(?:{_IDS}|chat_id|message_tree_id)":(?:"(?P<text>[^"\\]{{1,200}})"|(?P<number>-?\d{{1,20}}))'
_SPLIT = r'"split":"(?P<name>[A-Za-z]{1,20})"'
_NAMED = {**dict.fromkeys(("validation", "valid", "val", "dev", "eval", "evaluation"), EVAL), "test": TEST}


@dataclass(frozen=True)
class Seen:
    """What was read of each row. `content` says what a row is; `number` is its number in the source, -1 for none."""

    traits: Traits
    content: Hashes
    number: Positions
    named: Sides  # the side that the dataset itself gives it


def read(path: Path, kind: str, store: SketchStore | None) -> Seen:
    """Reads all rows; puts the sketch of each into `store`."""
    traits, content = [], []
    for batch in health_batch.batches(path, kind):
        if store is not None:
            store.add(batch.sketch)
        content.append(batch.fingerprint)
        nothing = np.full(len(batch), NO_KEY)
        traits.append(Traits(_hashes(batch.words, batch.body), _hashes(normal(batch.opening), batch.opening), nothing))
    rest = list(_rest(path))
    conversation, number, named = (np.concatenate([*parts]) for parts in zip(_NO_ROWS, *rest, strict=True))
    seen = together(traits)
    return Seen(Traits(seen.words, seen.opening, conversation), np.concatenate([_NO_ROWS[0], *content]), number, named)


_NO_ROWS = (np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint8))


def _hashes(words: pa.Array, raw: pa.Array) -> Hashes:
    """Of the words; of the text itself where it has none, and NO_KEY where it is empty or there is none."""
    texts = pc.fill_null(pc.if_else(pc.equal(words, ""), raw, words), "")
    return np.where(_is_empty(texts), NO_KEY, fingerprints(texts))


def _is_empty(texts: pa.Array) -> np.ndarray:
    return np.asarray(pc.equal(texts, "").to_numpy(zero_copy_only=False), dtype=np.bool_)


def _rest(path: Path) -> Iterator[tuple[Hashes, Positions, Sides]]:
    """Of each row group: the conversations, numbers and sides that stand in the columns nothing is learnt from."""
    with pq.ParquetFile(path) as file:
        names = [name for name in ("extra", "row") if name in file.schema_arrow.names]
        for group in range(file.metadata.num_row_groups):
            part = file.read_row_group(group, names)
            nulls = pa.nulls(file.metadata.row_group(group).num_rows, pa.string())
            extra = part["extra"].combine_chunks() if "extra" in names else nulls
            number = part["row"] if "row" in names else nulls.cast(pa.int64())
            yield _conversations(extra), np.asarray(pc.fill_null(number, -1), dtype=np.int64), _named_sides(extra)


def _conversations(extra: pa.Array) -> Hashes:
    if extra.null_count == len(extra):
        return np.full(len(extra), NO_KEY)
    names = pc.extract_regex(extra, _CONVERSATION)
    texts = pc.binary_join_element_wise(pc.struct_field(names, "text"), pc.struct_field(names, "number"), "")
    ids = pc.fill_null(texts, "")
    return np.where(_is_empty(ids), NO_KEY, fingerprints(ids))


def _named_sides(extra: pa.Array) -> Sides:
    sides = np.full(len(extra), LEARNT)
    if extra.null_count < len(extra):
        names = pc.utf8_lower(pc.struct_field(pc.extract_regex(extra, _SPLIT), "name"))
        for name, side in _NAMED.items():
            sides[np.asarray(pc.fill_null(pc.equal(names, name), False).to_numpy(zero_copy_only=False))] = side
    return sides
