"""Whether the trackers a recipe names can be told anything from here."""

import os

from engine.recipes.choices import trackers
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _trackers(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    for name in trackers.chosen(recipe.report_to):
        package = trackers.TRACKERS[name].package
        if not trackers.installed(name):
            message = f"report_to names {name}, whose package {package} is not installed here."
            yield Problem("report_to", message, f"Install it with `pip install {package}`, or leave {name} out.")
        elif name == "wandb" and not os.environ.get("WANDB_API_KEY"):
            message = "wandb has no key here, so it keeps the run on this disk."
            hint = "Start the studio with WANDB_API_KEY set, or send the run later with `wandb sync`."
            yield Problem("report_to", message, hint, "warning")


RULES = (_trackers,)
