"""Rows that a training does not learn from. See engine.rows.heldout, which chooses them before they are tokenised.

The record of them is written into the run's folder once, and found again by every later attempt.
"""

from pathlib import Path
from typing import Any

import numpy
import pyarrow
from datasets import Dataset

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.recipes.validation.checkpoints import NEED_HELD_OUT
from engine.rows.heldout import hold_out, record
from engine.rows.heldout.record import Record
from engine.weights import checkpoints
from engine.workers.contract import WorkFailedError
from engine.workers.tokens.training_rows import POSITION
from engine.workers.train.spec import Rows, Spec

# What a report on the result is measured with: rows that nothing has read, those that have chosen the checkpoint, none.
REPORTS = ("test", "eval", "none")


def split(rows: Dataset, spec: Spec, out: Path) -> tuple[Dataset, Dataset | None]:
    """Rows to learn from and rows to measure with. `rows` have their place in the dataset in the column POSITION.

    Raises WorkFailedError when nothing is left to learn from, or nothing held out that the recipe cannot do without.
    """
    if _began_without_record(spec, out):
        return _as_before(rows.remove_columns(POSITION), spec.recipe)
    held_out = _record(spec, out)
    places = _places(rows)
    without = numpy.concatenate([held_out.positions(part) for part in ("eval", "test")])
    evaluated = _found(places, held_out.positions("eval")) if spec.recipe.eval_fraction != 0 else numpy.empty(0, int)
    learnt = numpy.flatnonzero(~numpy.isin(places, without))
    _check(len(learnt), len(evaluated), held_out, spec.recipe, out)
    rows = rows.remove_columns(POSITION)
    return rows if len(learnt) == len(rows) else rows.select(learnt), rows.select(evaluated) if len(evaluated) else None


def facts(rows: Rows, out: Path) -> dict[str, Any]:
    """How many rows of which part there are, and which of them a report on the result has."""
    held_out = record.read(out / record.FILE) or record.empty()
    evaluated, tested = len(rows.held_out) if rows.held_out is not None else 0, len(held_out.positions("test"))
    report = REPORTS[0] if tested else REPORTS[1] if evaluated else REPORTS[2]
    return {"eval_rows": evaluated, "test_rows": tested, "report_rows": report}


def _record(spec: Spec, out: Path) -> Record:
    """The record of this run: as an earlier attempt wrote it, or chosen now."""
    known = _read(out / record.FILE)
    if known is not None:
        return known
    earlier = _read(spec.held_out_path) if spec.held_out_path else None
    dataset = hold_out.Rows(spec.dataset_path, spec.dataset_kind, spec.dataset_family)
    held_out = hold_out.hold_out(dataset, spec.recipe.eval_fraction, out, earlier)
    held_out.write(out)
    for message in _words(held_out, spec.recipe):
        events.append(out, events.Note(message=message))
    return held_out


def _read(path: Path) -> Record | None:
    try:
        return record.read(path)
    except (pyarrow.ArrowException, ValueError) as error:
        message = f"The list of held-out rows {path} cannot be read: {error}"[:500]
        raise WorkFailedError("data", message, "Begin with another run, or restore the file from a backup.") from error


def _words(held_out: Record, recipe: Recipe) -> list[str]:
    """What a person should know of the choice."""
    about = held_out.about
    words = [hold_out.in_words(held_out)] if len(held_out) and recipe.eval_fraction != 0 else []
    if inherited := int(about.get("inherited", 0)):
        words.append(f"{inherited:,} rows were held out by the run that this one begins with, and are not learnt now.")
    if named := int(about.get("named", 0)):
        words.append(f"{named:,} rows are held out because the dataset names them as validation or test rows.")
    if words and (alike := int(about.get("alike", 0))):
        words.append(
            f"{alike:,} rows are so much alike that they were divided row by row: held-out rows resemble learnt ones."
        )
    if words and not about.get("compared", True):
        words.append("The dataset is too large to look for near duplicates: only equal rows stay on one side.")
    return words


def _check(learnt: int, evaluated: int, held_out: Record, recipe: Recipe, out: Path) -> None:
    if not learnt or (recipe.eval_fraction and not len(held_out)):
        hint = "Add rows, or set eval_fraction to 0."
        raise WorkFailedError("data", "There are too few rows to hold one out for evaluation.", hint)
    if evaluated:
        return
    if recipe.lr_scheduler_type == "reduce_lr_on_plateau":
        message = "reduce_lr_on_plateau watches the loss of held-out rows, and there are none."
        raise WorkFailedError("config", message, "Add rows, set eval_fraction to a share above 0, or change it.")
    if len(held_out.positions("eval")) and recipe.eval_fraction != 0:
        message = "None of the held-out rows fits this model and length, so nothing is evaluated while it trains."
        events.append(out, events.Note(level="warning", message=message))
    fields = Recipe.model_fields
    needing = [name for name in NEED_HELD_OUT if getattr(recipe, name) != fields[name].default]
    if needing:
        message = f"No rows are held out for evaluation, so {' and '.join(needing)} cannot do anything."
        events.append(out, events.Note(level="warning", message=message))


def _places(rows: Dataset) -> numpy.ndarray:
    """The column POSITION, from the Arrow file."""
    places = rows.data.column(POSITION).to_numpy()
    selected = rows._indices  # what `rows.select` chose, or None for every row
    return places if selected is None else places[selected.column(0).to_numpy()]


def _found(places: numpy.ndarray, positions: numpy.ndarray) -> numpy.ndarray:
    """Where the wanted places stand, in their order; rows that cannot be learnt from stand nowhere."""
    order = numpy.argsort(places)
    at = numpy.minimum(numpy.searchsorted(places[order], positions), len(places) - 1)
    return order[at[places[order[at]] == positions]]  # where one stands nowhere, the search ends at the next one


def _began_without_record(spec: Spec, out: Path) -> bool:
    """Whether a version of the studio that kept no record began this run: it goes on with the rows it has."""
    own = spec.resume_from is not None and spec.resume_from.parent == checkpoints.folder_of(out)
    return own and not (out / record.FILE).exists()


def _as_before(rows: Dataset, recipe: Recipe) -> tuple[Dataset, Dataset | None]:
    """Chosen by the seed, as versions up to 0.1.0 did."""
    if not recipe.eval_fraction:
        return rows, None
    held_out = max(1, round(len(rows) * recipe.eval_fraction))
    order = numpy.random.default_rng(recipe.seed).permutation(len(rows))
    return rows.select(numpy.sort(order[held_out:])), rows.select(numpy.sort(order[:held_out]))
