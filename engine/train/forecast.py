"""What a training will take, before it starts: memory, time and disk, each with where the number comes from.

Measured where a probe of the recipe is known (engine.fit.past_probes), else estimated (engine.fit.memory, duration,
disk). Takes milliseconds, so that a form can ask at every keystroke.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.data import row_counts
from engine.fit import disk as fit_disk
from engine.fit import duration, memory, past_probes
from engine.fit import speed as fit_speed
from engine.fit.duration import Amount, Shape
from engine.fit.measurement import Measured, Trial
from engine.fit.past_probes import PastProbe
from engine.fit.usual_tokens import usual_tokens
from engine.recipes import methods, steps
from engine.recipes.recipe import Recipe
from engine.weights.inspection import Inspection
from storage import home
from storage.tables import Dataset, Model

Source = Literal["measured", "estimate"]


@dataclass(frozen=True)
class Memory:
    """In bytes; `items` says what for, as estimated; `estimated` is what was thought before it was measured.

    Where real steps did not fit, `needed` is more than is available, and how much more is not known.
    """

    needed: int
    available: int
    source: Source
    items: str
    estimated: int


@dataclass(frozen=True)
class Time:
    """`seconds` from the start to the saved result; None while nothing is known of the machine's speed."""

    seconds: float | None
    source: Source
    basis: str  # what the number was calculated from
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class Forecast:
    """All of it, and the probe it was taken from, if there is one."""

    memory: Memory
    time: Time
    disk: fit_disk.Disk
    disk_free: int
    steps: int | None
    tokens: float  # learnt from in the whole run, about
    known: PastProbe | None


def of(recipe: Recipe, model: Model, dataset: Dataset) -> Forecast:
    """Everything that is known, or can be estimated, of a training that has not started."""
    probe = past_probes.find(recipe)
    amount = _amount(recipe, model, dataset, probe.measured if probe else None)
    return Forecast(
        memory=_memory(recipe, model, probe),
        time=_time(recipe, model, amount, probe),
        disk=fit_disk.disk(model, recipe, dataset.train_rows, amount.row_tokens),
        disk_free=home.free_bytes(),
        steps=_steps(recipe, row_counts.learnt_rows(recipe, model, dataset), amount),
        tokens=amount.tokens,
        known=probe,
    )


def _memory(recipe: Recipe, model: Model, probe: PastProbe | None) -> Memory:
    estimate = memory.memory(model, recipe)
    if probe and probe.measured and probe.trial:
        available = probe.measured.available_bytes
        needed = probe.trial.peak_bytes if probe.trial.fits else max(probe.trial.peak_bytes, available + 1)
        return Memory(needed, available, "measured", str(estimate), estimate.total)
    return Memory(estimate.total, memory.available_bytes(), "estimate", str(estimate), estimate.total)


def _amount(recipe: Recipe, model: Model, dataset: Dataset, measured: Measured | None) -> Amount:
    """How much is read in the whole run: counted, or by a probe's sample, or judged by the size of the file."""
    rows = dataset.train_rows
    sides = 2 if "preference" in methods.METHODS[recipe.method].kinds else 1
    if counts := row_counts.counted(recipe, model, dataset):
        rows, row_tokens = counts.kept, counts.row_tokens
    elif measured and measured.rows.looked_at:
        rows = round(rows * measured.rows.kept / measured.rows.looked_at)
        row_tokens = sides * measured.rows.mean_tokens
    else:
        row_tokens = usual_tokens(dataset)
    row_tokens = min(row_tokens, sides * recipe.max_length)
    held_out = steps.held_out(recipe, rows).eval
    if recipe.method in methods.GENERATING:
        row_tokens += recipe.max_completion_length
        held_out *= recipe.num_generations
    return Amount(duration.rows_seen(recipe, rows), row_tokens, held_out)


def _steps(recipe: Recipe, rows: int, amount: Amount) -> int | None:
    total = steps.total_steps(recipe, rows)
    if total is not None or not recipe.packing:
        return total
    return max(1, round(amount.tokens / (steps.rows_a_step(recipe) * recipe.max_length)))


def _time(recipe: Recipe, model: Model, amount: Amount, probe: PastProbe | None) -> Time:
    if probe and probe.measured and probe.measured.trials[0].fits:
        return _measured_time(recipe, amount, probe.measured, probe.trial)
    inspection = memory.inspect_cached(model.path) if model.path else Inspection(Path())
    parameters = model.parameters or inspection.parameters or 0
    shape = Shape.of(inspection.config or {}, parameters, memory.trained_parameters(inspection, recipe, parameters))
    speed = fit_speed.speed(recipe, model, shape, amount.row_tokens) if parameters else None
    if speed is None:
        return Time(None, "estimate", "nothing measured on this machine yet")
    tokens_per_second = speed.flops / duration.token_flops(recipe, shape, amount.row_tokens)
    return Time(duration.seconds(recipe, shape, amount, speed.flops), "estimate", speed.source, tokens_per_second)


def _measured_time(recipe: Recipe, amount: Amount, measured: Measured, probed: Trial | None) -> Time:
    """From the usual batch of exactly these sizes, or else from the tokens a second of the sizes that were probed."""
    trial = probed if probed and probed.fits else None
    evaluated = duration.evaluation_share(recipe) * duration.evaluation_rows(recipe, amount)
    rows = (amount.rows + evaluated) / duration.at_once(recipe)
    if trial and not recipe.packing:
        seconds = rows / recipe.per_device_train_batch_size * trial.usual_seconds_a_batch
        return Time(measured.start_seconds + seconds, "measured", "real steps", trial.tokens_per_second)
    speed = (trial or measured.trials[0]).tokens_per_second
    if not speed:
        return Time(None, "estimate", "real steps that gave no tokens per second")
    seconds = rows * amount.row_tokens / speed
    basis = "real steps" if trial else "real steps with another batch"
    return Time(measured.start_seconds + seconds, "measured" if trial else "estimate", basis, speed)
