"""Whether the settings of the training make sense for this model and method."""

from importlib.util import find_spec

from engine.fit import memory
from engine.process import machine
from engine.recipes import methods
from engine.recipes.choices import optimisers
from engine.recipes.choices.tuning_sizes import is_target, names
from engine.recipes.choices.tunings import TUNINGS, uses
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model

LOWEST, HIGHEST = 1 / 200, 25  # of a good learning rate; outside, hardly anybody has had luck


def _lora(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if not uses(recipe.tuning, "target_modules") or recipe.target_modules.strip() == "all-linear" or not model.path:
        return
    layers = memory.linear_layers(memory.inspect_cached(model.path))
    missing = [name for name in names(recipe.target_modules) if not any(is_target(layer, name) for layer in layers)]
    if layers and (missing or not names(recipe.target_modules)):
        layer_names = ", ".join(sorted({name.rpartition(".")[2] for name in layers})[:20])
        message = f"target_modules names {', '.join(missing) or 'nothing'}, which {model.name} does not have."
        yield Problem("target_modules", message, f"Use all-linear, or some of: {layer_names}.")


def _rate(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    method = methods.METHODS[recipe.method]
    rate, good = recipe.learning_rate, method.rate(recipe.tuning)
    if good * LOWEST <= rate <= good * HIGHEST:
        return
    direction, consequence = (
        ("high", "the loss may rise instead of fall") if rate > good else ("low", "hardly anything is learnt")
    )
    hint = f"Good starts: {_as_typed(good)} for {recipe.method} with {recipe.tuning}."
    yield Problem("learning_rate", f"learning_rate {rate:g} is unusually {direction}: {consequence}.", hint, "warning")


def _as_typed(rate: float) -> str:
    """2e-5 rather than 2e-05."""
    return f"{rate:.0e}".replace("e-0", "e-")


def _installed(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if TUNINGS[recipe.tuning].quantises and not find_spec("bitsandbytes"):
        message = f"{recipe.tuning} needs bitsandbytes, which is not installed here."
        hint = "Install it with `pip install bitsandbytes` where it is available, or use lora."
        yield Problem("tuning", message, hint)


def _optimiser(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if packages := optimisers.missing(recipe.optim):
        message = f"The optimiser {recipe.optim} needs {' and '.join(packages)}, which is not installed here."
        yield Problem("optim", message, f"Install it with `pip install {' '.join(packages)}`, or use adamw_torch.")
    elif optimisers.OPTIMISERS[recipe.optim].gpu and not machine.has_gpu():
        message = f"The optimiser {recipe.optim} does not work on a CPU."
        yield Problem("optim", message, f"Use {optimisers.ON_CPU[recipe.optim]}, which does.")


def _blocks(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.tuning != "boft" or not model.path:
        return
    if recipe.boft_n_butterfly_factor > 1 and not machine.has_gpu():
        message = f"boft_n_butterfly_factor is {recipe.boft_n_butterfly_factor}, and PEFT mixes blocks on a GPU only."
        yield Problem("boft_n_butterfly_factor", message, "Use 1.")
    size = recipe.boft_block_size * 2 ** (recipe.boft_n_butterfly_factor - 1)
    layers = memory.linear_layers(memory.inspect_cached(model.path))
    adapted = {name: shape for name, shape in layers.items() if is_target(name, recipe.target_modules)}
    if misfit := next((name for name, (_, inputs) in adapted.items() if inputs % size), None):
        message = f"Blocks of {size} do not divide the {adapted[misfit][1]} inputs of {misfit}."
        yield Problem("boft_block_size", message, "Use a boft_block_size that divides the inputs of every layer.")


def _last_layers(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.tuning != "freeze" or not model.path:
        return
    layer_count = memory.config_number(memory.inspect_cached(model.path).config or {}, "num_hidden_layers", "n_layer")
    if layer_count and recipe.freeze_trainable_layers > layer_count:
        message = (
            f"freeze_trainable_layers is {recipe.freeze_trainable_layers}, and {model.name} has {layer_count} layers."
        )
        yield Problem("freeze_trainable_layers", message, f"Use less than {layer_count}, or tuning full.")


RULES = (_lora, _rate, _installed, _optimiser, _blocks, _last_layers)
