"""Single rows of a dataset by their positions, each row group read once."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from engine.data import columnar


def picked(path: Path, positions: Sequence[int]) -> list[dict[str, Any]]:
    """The rows at these positions (rising, from 0), as `columnar.plain` gives them."""
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        firsts = np.concatenate(([0], np.cumsum(sizes)))
        groups = np.searchsorted(firsts, np.asarray(positions, dtype=np.int64), side="right") - 1
        placed = [(int(group), place - int(firsts[group])) for group, place in zip(groups, positions, strict=True)]
        found: list[dict[str, Any]] = []
        for group, pairs in groupby(placed, key=lambda pair: pair[0]):
            table = file.read_row_group(group)
            found += (columnar.plain(table.slice(place, 1).to_pylist()[0]) for _, place in pairs)
        return found
