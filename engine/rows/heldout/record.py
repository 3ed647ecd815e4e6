"""The record of which rows a run holds out: OUT/held_out.parquet, written once, before the training begins.

A row of it for each held-out row, with the part it is in, its position in the dataset's file (from 0), its number in
the source (from 1) and a hash of its content. Rows that earlier runs held out, from which this one was trained further,
stand there too, with the position -1 where this dataset does not have them. A later evaluation reads it; so does a run
that is trained further, which needs the other columns to know the rows again in another dataset.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.rows.health.fingerprints import Positions
from engine.rows.health.sketches import BANDS, NUMBERS, Sketch
from engine.rows.heldout.groups import Traits

FILE = "held_out.parquet"
SCHEMA = pa.schema(
    [
        ("part", pa.string()),  # eval, or test
        ("position", pa.int64()),
        ("row", pa.int64()),
        ("content", pa.string()),  # sixteen hex digits
        ("words", pa.uint64()),
        ("opening", pa.uint64()),
        ("conversation", pa.uint64()),
        ("signature", pa.binary()),  # what near duplicates are found by; none in large datasets
        ("bands", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Record:
    """`about` says how the rows were chosen: family, rows, eval_fraction, inherited, named, alike, compared."""

    rows: pa.Table
    about: Mapping[str, Any] = field(default_factory=dict)

    def positions(self, part: str) -> Positions:
        """Where the rows of a part (eval, test) stand in the dataset, by chance: the first of them stand for all."""
        of_part = np.array(self.rows["part"].to_pylist(), dtype=object) == part
        positions = self.rows["position"].to_numpy()[of_part]
        return np.asarray(positions[positions >= 0])

    @property
    def traits(self) -> Traits:
        return Traits(*(self.rows[name].to_numpy() for name in ("words", "opening", "conversation")))

    @property
    def sketch(self) -> Sketch:
        """Of every row; of those without one, an empty one."""
        signatures, bands = (self.rows[name].to_pylist() for name in ("signature", "bands"))
        numbers = b"".join(value or bytes(2 * NUMBERS) for value in signatures)
        band_numbers = b"".join(value or bytes(8 * BANDS) for value in bands)
        return Sketch(
            np.frombuffer(numbers, np.uint16).reshape(-1, NUMBERS),
            np.frombuffer(band_numbers, np.uint64).reshape(-1, BANDS),
            np.array([value is None for value in signatures], dtype=np.bool_),
        )

    def elsewhere(self, contents: set[str]) -> pa.Table:
        """Its rows but for those of these contents, as another dataset that has none of them keeps them."""
        others = np.array([value not in contents for value in self.rows["content"].to_pylist()], dtype=np.bool_)
        rows = self.rows.filter(pa.array(others))
        nowhere = pa.array(np.full(len(rows), -1, np.int64))
        for name in ("position", "row"):
            rows = rows.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), nowhere)
        return rows

    def __len__(self) -> int:
        return len(self.rows)

    def write(self, folder: Path) -> None:
        """Whole or not at all."""
        partial = folder / f"{FILE}.partial"
        pq.write_table(self.rows.replace_schema_metadata({"about": json.dumps(dict(self.about))}), partial)
        os.replace(partial, folder / FILE)


def empty(about: Mapping[str, Any] | None = None) -> Record:
    """Of a training that holds nothing out."""
    return Record(SCHEMA.empty_table(), about or {})


def read(path: Path) -> Record | None:
    """What `write` wrote into a folder's FILE; None where it is not. Raises pyarrow.ArrowException when damaged."""
    if not path.is_file():
        return None
    rows = pq.read_table(path)
    about = json.loads((rows.schema.metadata or {}).get(b"about", b"{}"))
    return Record(rows.replace_schema_metadata(), about)


def table(parts: list[str], numbers: Mapping[str, Any], sketch: Sketch | None) -> pa.Table:
    """Rows of SCHEMA. `numbers` has the columns of numbers; `sketch` is of the first rows, as many as it has."""
    columns: dict[str, Any] = {"part": parts, **numbers}
    count = 0 if sketch is None else len(sketch.empty)
    blank: list[bytes | None] = [None] * (len(parts) - count)
    columns["signature"] = [] if sketch is None else [row.tobytes() for row in sketch.signature]
    columns["bands"] = [] if sketch is None else [row.tobytes() for row in sketch.bands]
    columns["signature"] += blank
    columns["bands"] += blank
    return pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)
