"""Rows that contain a text, in any column and any case, found a row group at a time; how long each is.

The text is looked for as it is written, but that accents may be signs of their own. So does
`engine.rows.shape.filtering.Contains` in every column: what is found here is what a filter keeps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.rows.shape import texts

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Part:
    """Of the next rows: the positions (from 0, rising) of those that contain the text, and their characters."""

    positions: Numbers
    lengths: Numbers
    looked_at: int  # rows, from the first on


def parts(path: Path, text: str) -> Iterator[Part]:
    """Goes through a dataset's file; an empty text is in every row."""
    first = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.metadata.num_row_groups):
            for batch in file.read_row_group(group, use_threads=False).to_batches():
                lengths = pc.utf8_length(texts.texts(batch)).to_numpy(zero_copy_only=False).astype(np.int32)
                met = np.ones(len(lengths), np.bool_)
                if text:
                    every = texts.texts(batch, "every column")
                    met = texts.having(every, text, ignore_case=True).to_numpy(zero_copy_only=False)
                places = np.flatnonzero(met).astype(np.int32)
                first += batch.num_rows
                yield Part(places + np.int32(first - batch.num_rows), lengths[places], first)
