"""Whether the settings of the training make sense for this model and method."""

from engine import fit, methods
from engine.recipe import Recipe
from engine.rules.problem import Found, Problem
from engine.tunings import uses
from storage.tables import Dataset, Model

LOWEST, HIGHEST = 1 / 200, 25  # of a good learning rate; outside, hardly anybody has had luck


def _lora(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if not uses(recipe.tuning, "target_modules") or recipe.target_modules.strip() == "all-linear" or not model.path:
        return
    layers = fit.linear_layers(fit.inspect_cached(model.path))
    missing = [
        name for name in fit.targets(recipe.target_modules) if not any(fit.is_target(one, name) for one in layers)
    ]
    if layers and (missing or not fit.targets(recipe.target_modules)):
        known = ", ".join(sorted({name.rpartition(".")[2] for name in layers})[:20])
        message = f"target_modules names {', '.join(missing) or 'nothing'}, which {model.name} does not have."
        yield Problem("target_modules", message, f"Use all-linear, or some of: {known}.")


def _rate(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    method = methods.METHODS[recipe.method]
    rate, good = recipe.learning_rate, method.rate(recipe.tuning)
    if good * LOWEST <= rate <= good * HIGHEST:
        return
    what, then = ("high", "the loss may rise instead of fall") if rate > good else ("low", "hardly anything is learnt")
    hint = f"Good starts: {_as_typed(good)} for {recipe.method} with {recipe.tuning}."
    yield Problem("learning_rate", f"learning_rate {rate:g} is unusually {what}: {then}.", hint, "warning")


def _as_typed(rate: float) -> str:
    """2e-5 rather than 2e-05."""
    return f"{rate:.0e}".replace("e-0", "e-")


RULES = (_lora, _rate)
