"""`tunesmith list`: what there is."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli.printed import as_json, say, say_json
from storage import datasets as stored_datasets
from storage import db
from storage import models as stored_models
from storage import runs as stored_runs

SHOWN = ("id", "status", "name", "created_at")


class Noun(StrEnum):
    """What can be listed."""

    MODELS = "models"
    DATASETS = "datasets"
    RUNS = "runs"


def list_things(noun: Annotated[Noun, typer.Argument(help="What to list.")] = Noun.RUNS) -> None:
    """List models, datasets or runs, newest first: id, status, name."""
    db.prepare()
    queries: dict[Noun, Callable[[Any], Sequence[Any]]] = {
        Noun.MODELS: stored_models.recent,
        Noun.DATASETS: stored_datasets.recent,
        Noun.RUNS: stored_runs.recent,
    }
    with db.reading() as session:
        rows = queries[noun](session)
    if as_json():
        return say_json([{name: getattr(row, name) for name in SHOWN} for row in rows])
    for row in rows:
        say(f"{row.id}  {row.status:<13} {row.name}")
    return None
