"""Whether the run that a training begins with is there, and fits."""

from engine.errors import TunesmithError
from engine.recipes import continuation
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _start(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if not recipe.start_from:
        return
    try:
        run = continuation.source(recipe)
        continuation.result_folder(run)
    except TunesmithError as error:
        yield Problem("start_from", error.message, error.hint)
        return
    if misfit := continuation.misfit(recipe, run):
        yield Problem(*misfit)
    if run.recipe.get("eval_fraction") and not continuation.held_out_record(recipe):
        message = f"The run {run.name} wrote down no list of what it held out: such rows may be learnt now."
        hint = "It was made by an older version of the studio. Train it anew to keep them apart."
        yield Problem("start_from", message, hint, "warning")


RULES = (_start,)
