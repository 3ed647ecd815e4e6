"""What the fields of several devices mean together, and with the rest of a recipe."""

from typing import Any

from engine.recipes.methods import GENERATING, reference_is_kept

DEEPSPEED = ("deepspeed_zero1", "deepspeed_zero2", "deepspeed_zero3")
SHARDED = ("fsdp", "deepspeed_zero3")  # no process holds the whole model
SHARDED_METHODS = ("sft", "cpt", "dpo", "kto", "reward")
SHARDED_TUNINGS = ("lora", "full")
SIMPLE_OPTIMISERS = ("adamw_torch", "adamw_torch_fused", "sgd")


def refuse_unspread(recipe: Any) -> None:
    """Raises ValueError for fields of several devices that do not go together, naming field, value and remedy."""
    if recipe.strategy == "none":
        _refuse_without_strategy(recipe)
        return
    _refuse_machines(recipe)
    if recipe.offload != "none" and recipe.strategy == "ddp":
        raise ValueError("ddp keeps everything on its device, so offload has to be none, or strategy fsdp or deepspeed")
    if recipe.strategy != "ddp" and recipe.optim not in SIMPLE_OPTIMISERS:
        raise ValueError(
            f"{recipe.strategy} divides the optimiser among processes, which {recipe.optim} does not support: "
            f"choose {', '.join(SIMPLE_OPTIMISERS)} as optim"
        )
    if recipe.strategy in SHARDED:
        _refuse_sharding(recipe)


def _refuse_without_strategy(recipe: Any) -> None:
    for name, least in (("num_processes", 1), ("num_machines", 1)):
        if getattr(recipe, name) > least:
            raise ValueError(f"{getattr(recipe, name)} needs a strategy, such as ddp: choose one, or lower {name}")
    if recipe.offload != "none":
        raise ValueError("offload needs the strategy fsdp or deepspeed: choose one, or set offload to none")


def _refuse_machines(recipe: Any) -> None:
    if recipe.machine_rank >= recipe.num_machines:
        raise ValueError(
            f"ranks count from 0, so with {recipe.num_machines} machines it is at most {recipe.num_machines - 1}: "
            "machine_rank"
        )
    if recipe.num_machines > 1 and not recipe.main_process_ip:
        raise ValueError("several machines meet at machine 0: give its address in main_process_ip")


def _refuse_sharding(recipe: Any) -> None:
    strategy, others = recipe.strategy, "ddp or deepspeed_zero2"
    if recipe.method not in SHARDED_METHODS:
        reason = "writes answers while it trains" if recipe.method in GENERATING else "is not ready for that"
        raise ValueError(f"{strategy} divides the weights, and {recipe.method} {reason}: use {others} as strategy")
    if recipe.tuning not in SHARDED_TUNINGS:
        raise ValueError(
            f"{strategy} divides the weights, which {recipe.tuning} does not support: use {others} as strategy, or lora"
        )
    if recipe.precompute_ref_log_probs:
        raise ValueError(
            f"{strategy} divides the model only when the training begins, so the reference is asked then: leave "
            "precompute_ref_log_probs empty"
        )
    if reference_is_kept(recipe.method, recipe.tuning, recipe.beta):
        raise ValueError(f"{strategy} divides one model, and {recipe.method} with full keeps two: use lora as tuning")
