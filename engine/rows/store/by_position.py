"""Single rows of a dataset by their positions, each row group read once."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from engine.rows.store import columnar


def read_rows(path: Path, positions: Sequence[int]) -> list[dict[str, Any]]:
    """The rows at these positions (from 0, in any order), as `columnar.plain` gives them."""
    ordered = sorted(set(positions))
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        firsts = np.concatenate(([0], np.cumsum(sizes)))
        groups = np.searchsorted(firsts, np.asarray(ordered, dtype=np.int64), side="right") - 1
        rows: dict[int, dict[str, Any]] = {}
        for group, pairs in groupby(zip(groups.tolist(), ordered, strict=True), key=lambda pair: pair[0]):
            table = file.read_row_group(group)
            for _, position in pairs:
                stored = table.slice(position - int(firsts[group]), 1).to_pylist()[0]
                rows[position] = columnar.plain(stored)
        return [rows[position] for position in positions]
