"""Whether the settings of the training make sense for this model and method."""

from engine import fit, methods
from engine.recipe import Recipe
from engine.rules.problem import Found, Problem
from storage.tables import Dataset, Model

RATES = {"lora": (1e-6, 5e-3), "qlora": (1e-6, 5e-3), "full": (1e-7, 5e-4)}  # outside, hardly anybody has had luck
JUDGED_RATES = {"lora": (1e-7, 5e-4), "qlora": (1e-7, 5e-4), "full": (1e-8, 5e-5)}  # the same, from judged answers


def _lora(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.tuning == "full" or recipe.target_modules.strip() == "all-linear" or not model.path:
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
    low, high = (RATES if method.rates == methods.METHODS["sft"].rates else JUDGED_RATES)[recipe.tuning]
    rate = recipe.learning_rate
    if low <= rate <= high:
        return
    what, then = ("high", "the loss may rise instead of fall") if rate > high else ("low", "hardly anything is learnt")
    hint = f"Good starts: {_as_typed(method.rate(recipe.tuning))} for {recipe.method} with {recipe.tuning}."
    yield Problem("learning_rate", f"learning_rate {rate:g} is unusually {what}: {then}.", hint, "warning")


def _as_typed(rate: float) -> str:
    """2e-5 rather than 2e-05."""
    return f"{rate:.0e}".replace("e-0", "e-")


RULES = (_lora, _rate)
