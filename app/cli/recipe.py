"""`tunesmith probe` and `check`: what a training takes and what speaks against it, before it starts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from app.cli import running_studio
from app.cli.data import follow_work
from app.cli.printed import as_json, say, say_json
from engine import sizes
from engine.accounts import prices
from engine.data import datasets, row_counts
from engine.errors import TunesmithError
from engine.fit.measurement import Measured
from engine.models import models
from engine.recipes import by_name
from engine.recipes import recipe as recipes
from engine.recipes.recipe import Recipe
from engine.train import check as train_check
from engine.train import forecast, held_out, spending
from engine.train import probe as fit_probe
from engine.train.forecast import Forecast
from engine.train.rules import left_out_rows
from engine.train.spending import Spending
from storage import db


def probe(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe, as the Train page saves it.")],
) -> None:
    """Measure a training before it starts: memory, speed, time, disk, the largest batch that fits, a suggestion."""
    with running_studio.engine(True):
        recipe = read(recipe_file)
        finished = follow_work(fit_probe.start(recipe))
        dataset = datasets.look_up(recipe.dataset_id)
        prediction = forecast.of(recipe, models.look_up(recipe.model_id), dataset)
        due = spending.of(recipe, prices.of_project(dataset.project_id), prediction.time.seconds)
        if as_json():
            return say_json({"forecast": prediction, "spending": due, "measured": finished.result})
        rows_line = f"rows        {held_out.describe(recipe, dataset)}"
    tried = measured_lines(Measured.model_validate(finished.result))
    for line in (*forecast_lines(prediction), *spending_lines(due), rows_line, *tried):
        say(line)
    return None


def check(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe, as the Train page saves it.")],
) -> None:
    """Say what speaks against a training and how many rows it would learn from, cut or leave out. Starts nothing."""
    with running_studio.engine(True):
        recipe = read(recipe_file)
        model, dataset = models.look_up(recipe.model_id), datasets.look_up(recipe.dataset_id)
        if counting := row_counts.begin(recipe, model, dataset):
            follow_work(counting)
        counts = row_counts.counted(recipe, model, dataset)
        problems = train_check.check(recipe, model, dataset)
    if as_json():
        say_json({"rows": counts, "problems": problems})
        return train_check.refuse(problems)
    if counts:
        say(f"rows     {left_out_rows.in_words(counts, recipe)}")
    for problem in problems:
        say(f"{problem.level:<8} {problem.field}: {problem.message} {problem.hint}".rstrip())
        for name, value in problem.instead.items():
            say(f"         {name}: {value}")
    return train_check.refuse(problems)


def read(file: Path) -> Recipe:
    """The recipe in a file, with ids in place of names. Raises TunesmithError."""
    db.prepare()
    return by_name.with_ids(recipes.from_yaml(text_of(file)))


def text_of(file: Path) -> str:
    """A recipe's file. Raises TunesmithError."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TunesmithError(f"The recipe {file} cannot be read.", str(error)) from error


def forecast_lines(prediction: Forecast) -> Iterator[str]:
    """What the training will take, a line each."""
    memory, time, disk = prediction.memory, prediction.time, prediction.disk
    more = "" if memory.needed <= memory.available else "more than "
    needed = min(memory.needed, memory.available) if memory.source == "measured" else memory.needed
    yield f"memory      {more}{sizes.in_words(needed)} of {sizes.in_words(memory.available)} ({memory.source})"
    yield f"estimate    {sizes.in_words(memory.estimated)} of memory ({memory.items})"
    if time.seconds is not None:
        yield f"time        {time.seconds:.0f} s for {prediction.steps or '?'} steps ({time.source}, from {time.basis})"
    if time.tokens_per_second:
        yield f"speed       {time.tokens_per_second:.0f} tokens/s"
    yield f"disk        {sizes.in_words(disk.total)} of {sizes.in_words(prediction.disk_free)} free (estimate)"


def spending_lines(due: Spending) -> Iterator[str]:
    """Energy or cost in a line, where there is something to say."""
    if words := spending.in_words(due):
        yield f"{words.title.lower():<10}  {words.value} ({words.detail.rstrip('.')})"


def measured_lines(measured: Measured) -> Iterator[str]:
    """What was tried, as a table, and what follows from it."""
    yield "\nbatch  recompute  longest  memory    tokens/s  seconds a batch"
    for trial in measured.trials:
        memory = sizes.in_words(trial.peak_bytes) if trial.fits else "too much"
        recompute = "yes" if trial.gradient_checkpointing else "no"
        speed = f"{trial.tokens_per_second:>8.0f}  {trial.seconds_a_batch:.2f}" if trial.fits else ""
        yield f"{trial.batch:>5}  {recompute:<9}  {trial.max_length:>7}  {memory:<8}  {speed}".rstrip()
    if measured.largest:
        least = "at least " if measured.largest.at_least else ""
        yield f"\nlargest batch that fits: {least}{measured.largest.batch}"
    if measured.suggestion:
        changes = "".join(f"\n  {name}: {value}" for name, value in measured.suggestion.fields.items())
        yield f"{measured.suggestion.reason}{changes}"
