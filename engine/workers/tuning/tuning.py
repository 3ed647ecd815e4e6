"""What a recipe's tuning and optimiser want of a trainer that is made, and of one that has done its work."""

from pathlib import Path
from typing import Any

from peft import PromptTuningConfig, PromptTuningInit
from peft.tuners.boft import BOFTLayer

from engine.recipes.recipe import Recipe
from engine.workers.contract import WorkFailedError
from engine.workers.tuning import starts, steps
from engine.workers.tuning.adapters import puts_tokens_before


def prepare(trainer: Any, recipe: Recipe, model_path: Path, out: Path) -> None:
    """The start of the adapter, unless an earlier run's is trained on, and the optimiser that transformers lacks.

    Raises WorkFailedError when PEFT does not do what was asked.
    """
    if not recipe.start_from:
        starts.prepare(trainer.model, recipe, model_path, out)
    _check_factors(trainer.model, recipe)
    _forget_initial_text(trainer.model)
    _keep_precise(trainer.model)
    steps.prepare(trainer, recipe)


def settle(trainer: Any) -> None:
    """Leaves the model with the weights that are meant to be used: schedule-free optimisers train beside them."""
    if callable(getattr(trainer.optimizer, "eval", None)):
        trainer.optimizer.eval()


def _check_factors(model: Any, recipe: Recipe) -> None:
    """Without its extension for GPUs, PEFT takes one butterfly factor whatever it was told."""
    layers = [module for module in model.modules() if isinstance(module, BOFTLayer)]
    if any(len(matrix) != recipe.boft_n_butterfly_factor for layer in layers for matrix in layer.boft_R.values()):
        message = f"PEFT cannot mix {recipe.boft_n_butterfly_factor} butterfly factors here: its extension is missing."
        raise WorkFailedError("config", message, "Set boft_n_butterfly_factor to 1, or use tuning oft.")


def _forget_initial_text(model: Any) -> None:
    """The words that learnt tokens began as are needed no more: the adapter then opens without their tokenizer."""
    if puts_tokens_before(model) and isinstance(config := model.active_peft_config, PromptTuningConfig):
        config.prompt_tuning_init = PromptTuningInit.RANDOM
        config.prompt_tuning_init_text = config.tokenizer_name_or_path = None


def _keep_precise(model: Any) -> None:
    """New embeddings in float32, as PEFT keeps LoRA's weights: steps are smaller than what bfloat16 can tell apart."""
    for name, weight in model.named_parameters():
        if "trainable_tokens_delta" in name:
            weight.data = weight.data.float()


def trained_parameters(model: Any) -> int:
    """How many numbers the training changes; PEFT counts no tokens that stand before a row."""
    if puts_tokens_before(model):
        return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return int(model.num_parameters(only_trainable=True))
