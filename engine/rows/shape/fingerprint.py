"""What makes a row what it is, as a few bytes: equal rows have equal fingerprints, on every machine.

The number of the row in its source does not count; a column says whether `extra` does.
"""

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BYTES = 16
_BETWEEN_KEYS, _BETWEEN_ITEMS, _NOTHING = "\x1f", "\x1e", "\x1d"

Prints = npt.NDArray[np.bytes_]


def fingerprints(batch: pa.RecordBatch, extra: bool = False, seed: int = 0) -> Prints:
    """Sixteen bytes a row. Two different rows share them with a chance below one in 10^20 for a billion rows."""
    key = seed.to_bytes(8, "little")
    digests = [
        blake2b(identity, digest_size=BYTES, key=key).digest() for identity in _identity(batch, extra).to_pylist()
    ]
    return np.frombuffer(b"".join(digests), dtype=f"V{BYTES}").copy()


def shares(batch: pa.RecordBatch, extra: bool = False, seed: int = 0) -> npt.NDArray[np.uint64]:
    """A number a row, spread evenly over 64 bits: the same row always has the same one."""
    return fingerprints(batch, extra, seed).view(np.uint64)[::2].copy()


def first_of_each(prints: Prints) -> npt.NDArray[np.bool_]:
    """True for a row that has not come before."""
    halves = prints.view(np.uint64).reshape(-1, 2)
    order = np.lexsort((np.arange(len(halves)), halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    fresh = np.ones(len(halves), dtype=np.bool_)
    fresh[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return fresh


def _identity(batch: pa.RecordBatch, extra: bool) -> pa.Array:
    names = [name for name in batch.schema.names if name != "row" and (extra or name != "extra")]
    joined = pc.binary_join_element_wise(*(_text(batch.column(name)) for name in names), _BETWEEN_KEYS)
    return pc.cast(joined, pa.binary())


def _text(array: pa.Array) -> pa.Array:
    """Any column as one text a row, which differs where the values do."""
    if pa.types.is_list(array.type):
        texts = _text(array.flatten())
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))])
        return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), _BETWEEN_ITEMS)
    if pa.types.is_struct(array.type):
        return pc.binary_join_element_wise(*(_text(field) for field in array.flatten()), _BETWEEN_KEYS)
    return pc.fill_null(pc.cast(array, pa.string()), _NOTHING)


def together(parts: list[Any]) -> Any:
    """Arrays of one column in one; an empty one when there are none."""
    return np.concatenate(parts) if parts else np.array([])
