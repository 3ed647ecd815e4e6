"""What decides whether a training helped, named before it starts: from the data and the method alone."""

from functools import lru_cache
from pathlib import Path

import pyarrow

from engine.data import datasets
from engine.evaluate.measures import choice, measures
from engine.evaluate.measures import expected as expectations
from engine.rows.heldout import amount
from engine.rows.store import columnar
from storage.statuses import DatasetStatus
from storage.tables import Dataset

ROWS = 200  # that are looked at, the first ones: a page of the file, whatever its size


def measure(dataset: Dataset, method: str) -> str | None:
    """The name of the one measure that decides; None while the dataset's rows are not there."""
    if dataset.status != DatasetStatus.READY or not dataset.kind:
        return None
    try:
        return _measure(datasets.blob(dataset), dataset.kind, method)
    except (OSError, pyarrow.ArrowException):
        return None


@lru_cache(maxsize=256)
def _measure(blob: Path, kind: str, method: str) -> str:
    """A blob is named by its content, so what it says of itself stays so."""
    rows = columnar.page(blob, 0, ROWS)
    return choice.primary_for(kind, method, [expectations.of(kind, row) for row in rows])  # type: ignore[arg-type]


def words(dataset: Dataset, method: str, eval_fraction: float | None) -> str:
    """What the report will go by, in a line: on how many rows, by which measure. Empty while nothing is known."""
    name = measure(dataset, method)
    if name is None:
        return ""
    title = measures.look_up(name).title.lower()
    held = amount.held_out_amount(dataset.accepted + dataset.repaired, eval_fraction)
    rows = held.test or held.held_out
    if not rows:
        return f"Judged by {title}, once there are rows to ask: none are held out."
    also = "" if held.test else ", which also choose the checkpoint"
    few = "" if rows >= amount.LEAST_PART else " Too few for a proof: it takes 20."
    return f"Judged by {title} on about {rows:,} held-out rows{also}.{few}"
