"""Whether the run that a training begins with is there, and fits."""

from engine import further
from engine.errors import TunesmithError
from engine.recipe import Recipe
from engine.rules.problem import Found, Problem
from storage.tables import Dataset, Model


def _start(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if not recipe.start_from:
        return
    try:
        run = further.source(recipe)
        further.result_folder(run)
    except TunesmithError as error:
        yield Problem("start_from", error.message, error.hint)
        return
    if found := further.misfit(recipe, run):
        yield Problem(*found)


RULES = (_start,)
