"""What the training would leave that vLLM refuses to serve, said while there is still something to change.

The rules are those of vLLM 0.32 (vllm/lora/peft_helper.py: PEFTHelper.validate_legal and its checks): ranks up to
512, no modules_to_save, no bias, no DoRA. What it refuses, the backend `transformers` serves.
"""

from engine.recipes.choices import tunings
from engine.recipes.recipe import Recipe
from engine.serve.vllm.values import LORA_RANKS
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model

ELSEWHERE = "or serve the result with the backend transformers."


def _servable(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """Warnings only: an adapter that vLLM refuses is still a good adapter."""
    if recipe.method == "reward":
        return
    if not (tuning := tunings.TUNINGS[recipe.tuning]).vllm:
        remedy = "merge it into the base when it is done" if tuning.mergeable else "train lora instead"
        message = f"vLLM serves LoRA adapters and whole models, and no {recipe.tuning} adapter."
        yield Problem("tuning", message, f"To serve it with vLLM, {remedy}; {ELSEWHERE}", "warning", {"tuning": "lora"})
    elif recipe.tuning in ("lora", "qlora"):
        yield from _lora(recipe)


def _lora(recipe: Recipe) -> Problems:
    largest = LORA_RANKS[-1]
    rank = tunings.served_rank(recipe.lora_r, recipe.init_lora_weights)
    if rank > largest:
        hint = f"Use a rank of {largest} or less, {ELSEWHERE}"
        message = f"The adapter's rank will be {rank}, and vLLM takes {largest} at most."
        yield Problem("lora_r", message, hint, "warning", _of_rank(recipe, recipe.lora_r * largest // rank))
    if recipe.use_dora:
        message = "vLLM refuses DoRA adapters."
        yield Problem(
            "use_dora",
            message,
            f"Turn use_dora off (use_rslora is served), {ELSEWHERE}",
            "warning",
            {"use_dora": False},
        )
    if recipe.modules_to_save:
        message = f"modules_to_save is {recipe.modules_to_save}, and vLLM refuses adapters with whole modules in them."
        hint = f"Leave it empty, or merge the adapter, {ELSEWHERE}"
        yield Problem("modules_to_save", message, hint, "warning", {"modules_to_save": ""})


def _of_rank(recipe: Recipe, rank: int) -> dict[str, int]:
    """That rank, with an update that weighs what it weighed: lora_alpha by lora_r, or by its root with rsLoRA."""
    share = rank / recipe.lora_r
    return {
        "lora_r": rank,
        "lora_alpha": max(1, round(recipe.lora_alpha * (share**0.5 if recipe.use_rslora else share))),
    }


RULES = (_servable,)
