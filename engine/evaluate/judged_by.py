"""What decides whether a training helped, named before it starts: from the data and the method alone."""

import math
from functools import lru_cache
from pathlib import Path

import pyarrow

from engine.data import datasets
from engine.evaluate import budget
from engine.evaluate.measures import choice, measures
from engine.evaluate.measures import expected as expectations
from engine.process import devices
from engine.recipes.methods import GENERATING
from engine.recipes.recipe import Recipe
from engine.rows.heldout import amount
from engine.rows.store import columnar
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Model

BYTES_A_TOKEN = 3
ROWS = 200  # that are looked at, the first ones: a page of the file, whatever its size


def measure(dataset: Dataset, method: str) -> str | None:
    """The name of the one measure that decides; None while the dataset's rows are not there.

    None too for prompts that are not judged by rewards: whether they came with right answers is seen row by row.
    """
    if dataset.status != DatasetStatus.READY or not dataset.kind or not dataset.sha256:
        return None
    if dataset.kind == "prompt" and method not in GENERATING:
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


def words(recipe: Recipe, model: Model, dataset: Dataset) -> str:
    """What the report will go by, in a line: which measure, on how many rows, how long that takes at most.

    Empty while nothing is known.
    """
    name = measure(dataset, recipe.method)
    if name is None:
        return ""
    title = measures.look_up(name).title.lower()
    held = amount.held_out_amount(dataset.accepted + dataset.repaired, recipe.eval_fraction)
    there = held.test or held.held_out
    if not there:
        return f"Judged by {title}, once rows are held out: none are now."
    on_cpu = devices.on_this_machine() == (devices.CPU,)
    longest = _longest_answer(datasets.blob(dataset), dataset.kind)
    rows = budget.rows_for(there, longest, model.parameters, on_cpu)
    minutes = math.ceil(budget.seconds_for(rows, longest, model.parameters, on_cpu) / 60)
    also = "" if held.test else ", which also choose the checkpoint"
    few = "" if rows >= amount.LEAST_PART else " Too few for a verdict: it takes 20."
    time = f"within about {minutes} minute{'s' if minutes > 1 else ''}"
    return f"Judged by {title} on about {rows:,} held-out rows{also}, {time}.{few}"


@lru_cache(maxsize=256)
def _longest_answer(blob: Path, kind: str) -> int:
    """Tokens that an answer may have, from the bytes of the expected ones: no tokenizer is at hand."""
    rows = [expectations.of(kind, row) for row in columnar.page(blob, 0, ROWS)]  # type: ignore[arg-type]
    return budget.longest_answer([len(row.answer.encode()) // BYTES_A_TOKEN for row in rows])
