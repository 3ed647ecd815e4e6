"""The rows a probe steps on: the longest ones, and some as they usually are.

A large dataset is not tokenised for that: its longest rows by characters, and rows spread evenly over the rest, stand
for it in a small file of their own. From there on everything is as in a training.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.compute
from datasets import Dataset
from pyarrow import parquet

from engine.fit.measurement import Rows
from engine.recipes import methods
from engine.recipes.recipe import Recipe
from engine.workers.train import training
from engine.workers.trainers.rows import lengths

MOST_ROWS = 4000  # are tokenised
LONGEST = 256  # of them, chosen for their length
ROWS_AT_ONCE = 8192
STEPS = 2  # with the longest rows, the same ones: the first warms up

Numbers = numpy.ndarray


def sample(path: Path, folder: Path) -> Path:
    """The dataset itself when it is small, else a file in `folder` with MOST_ROWS of its rows, the longest first."""
    with parquet.ParquetFile(path) as file:
        if file.metadata.num_rows <= MOST_ROWS:
            return path
        row_sizes = numpy.concatenate([_characters(pyarrow.array(batch.to_struct_array())) for batch in _batches(file)])
    longest = numpy.argpartition(-row_sizes, LONGEST)[:LONGEST]
    other_rows = numpy.setdiff1d(numpy.arange(len(row_sizes)), longest)
    spread_rows = other_rows[numpy.linspace(0, len(other_rows) - 1, MOST_ROWS - LONGEST).astype(numpy.int64)]
    sample_file = folder / "rows.parquet"
    with parquet.ParquetFile(path) as file:
        parquet.write_table(pyarrow.concat_tables([_rows_at(file, longest), _rows_at(file, spread_rows)]), sample_file)
    return sample_file


def _batches(file: parquet.ParquetFile) -> Any:
    return file.iter_batches(ROWS_AT_ONCE)


def _rows_at(file: parquet.ParquetFile, positions: Numbers) -> pyarrow.Table:
    """Those rows, in the order of the file; only a batch is in memory at a time."""
    sorted_positions, batch_start, batches = numpy.sort(positions), 0, []
    for batch in _batches(file):
        positions_in_batch = (
            sorted_positions[(sorted_positions >= batch_start) & (sorted_positions < batch_start + batch.num_rows)]
            - batch_start
        )
        batches.append(batch.take(pyarrow.array(positions_in_batch)))
        batch_start += batch.num_rows
    return pyarrow.Table.from_batches(batches)


def _characters(array: pyarrow.Array) -> Numbers:
    """Bytes of all text in each row, however deep it lies in lists and structs."""
    array_type = array.type
    if pyarrow.types.is_string(array_type) or pyarrow.types.is_large_string(array_type):
        return _filled(pyarrow.compute.binary_length(array))
    if pyarrow.types.is_struct(array_type):
        parts = [_characters(array.field(index)) for index in range(array_type.num_fields)]
        return sum(parts, start=numpy.zeros(len(array), dtype=numpy.int64))
    if pyarrow.types.is_list(array_type) or pyarrow.types.is_large_list(array_type):
        summed = numpy.concatenate(([0], numpy.cumsum(_characters(array.values))))
        offsets = array.offsets.to_numpy()
        return summed[offsets[1:]] - summed[offsets[:-1]]
    return numpy.zeros(len(array), dtype=numpy.int64)


def _filled(numbers: pyarrow.Array) -> Numbers:
    return pyarrow.compute.fill_null(numbers, 0).to_numpy(zero_copy_only=False).astype(numpy.int64)


def facts(rows: training.Rows, sampled: bool) -> Rows:
    """What a forecast needs to know of them. The longest were chosen, so they do not count for the mean."""
    tokens = numpy.sort(lengths(rows.train))
    usual_tokens = tokens[:-LONGEST] if sampled and len(tokens) > LONGEST else tokens
    return Rows(
        looked_at=rows.counts.rows,
        kept=rows.counts.kept,
        mean_tokens=float(usual_tokens.mean()),
        longest_tokens=int(tokens[-1]),
    )


def usual_steps(device: str) -> int:
    """Steps with rows as they usually are: on a GPU the first compiles or chooses kernels for their length."""
    return 1 if device == "cpu" else 2


def chosen(rows: Dataset, recipe: Recipe, usual_length: Callable[[Numbers], float], usual_steps: int) -> Dataset:
    """Rows for the probe's steps in their order: the longest for STEPS steps, then usual ones for `usual_steps`.

    Rows are used again where there are too few.
    """
    tokens = lengths(rows)
    step_rows = rows_a_step(recipe)
    longest_rows = numpy.argsort(-tokens, kind="stable")[:step_rows]
    usual_rows = numpy.argsort(numpy.abs(tokens - usual_length(tokens)), kind="stable")[:step_rows]
    if recipe.packing:  # sequences are filled, so it takes more rows to make as many
        needed = 2 * (STEPS + 1) * step_rows * recipe.max_length // max(1, int(tokens.mean())) + 1
        return rows.select(numpy.resize(numpy.argsort(-tokens, kind="stable"), min(needed, 100_000)))
    repeats = ((longest_rows, STEPS), (usual_rows, usual_steps))
    return rows.select(
        numpy.concatenate([numpy.tile(numpy.resize(positions, step_rows), times) for positions, times in repeats])
    )


def rows_a_step(recipe: Recipe) -> int:
    """Rows of the dataset in an optimiser step."""
    batch = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    return batch // recipe.num_generations if recipe.method in methods.GENERATING else batch


def usual_length(recipe: Recipe) -> Callable[[Numbers], float]:
    """The length of a row whose batch costs what batches usually do: longer than the mean where rows are padded."""
    if recipe.train_sampling_strategy == "group_by_length":
        return lambda tokens: float(tokens.mean())

    def widest(tokens: Numbers) -> float:
        batches = numpy.random.default_rng(0).choice(tokens, (200, recipe.per_device_train_batch_size))
        return float(batches.max(axis=1).mean())

    return widest
