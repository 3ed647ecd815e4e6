"""The settings of a run under transformers' and PEFT's own names, as the worker tells them to the trainer."""

from typing import Any

from engine.recipes import launch_command
from engine.recipes.choices import optimisers
from engine.recipes.choices.optimisers import OPTIMISERS
from engine.recipes.choices.tuning_sizes import names
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.evaluations import evaluated_every
from engine.recipes.recipe import Recipe
from engine.recipes.trainer_fields import PASSED_THROUGH
from engine.runs.script.told import Told

PEFT_CLASSES = {
    "lora": "LoraConfig",
    "qlora": "LoraConfig",
    "oft": "OFTConfig",
    "boft": "BOFTConfig",
    "ia3": "IA3Config",
    "prompt": "PromptTuningConfig",
    "prefix": "PrefixTuningConfig",
}


def training(told: Told) -> dict[str, Any]:
    """TrainingArguments by name, without `output_dir`, which is the script's own."""
    recipe, facts = told.recipe, told.facts
    return {
        **{name: getattr(recipe, name) for name in PASSED_THROUGH if name != "save_steps"},
        "optim": recipe.optim,
        "optim_args": recipe.optim_args or None,
        "optim_target_modules": _projected(recipe),
        "lr_scheduler_type": recipe.lr_scheduler_type,
        "lr_scheduler_kwargs": _schedule(recipe),
        "warmup_steps": recipe.warmup_ratio or recipe.warmup_steps,  # below 1 it is a share of all steps
        "neftune_noise_alpha": recipe.neftune_noise_alpha or None,
        "use_cpu": told.on_cpu,
        "bf16": told.is_bf16,
        "gradient_checkpointing": bool(facts.gradient_checkpointing),
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        **({"use_liger_kernel": True, "liger_kernel_config": LIGER} if facts.liger_kernel else {}),
        "per_device_eval_batch_size": recipe.per_device_train_batch_size,
        **_evaluation(told),
        **_strategy(recipe),
        "save_strategy": "no",
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "dataloader_pin_memory": not told.on_cpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


LIGER = {"fused_linear_cross_entropy": False}


def _evaluation(told: Told) -> dict[str, Any]:
    if not (told.recipe.eval_fraction != 0 and told.facts.eval_rows):
        return {"eval_strategy": "no"}
    every = told.recipe.eval_steps or evaluated_every(told.recipe.max_steps if told.recipe.max_steps > 0 else 500)
    return {"eval_strategy": "steps", "eval_steps": every}


def _projected(recipe: Recipe) -> str | list[str] | None:
    if not OPTIMISERS[recipe.optim].whole:
        return None
    modules = names(recipe.optim_target_modules)
    return "all-linear" if modules == ["all-linear"] else modules


def _schedule(recipe: Recipe) -> dict[str, int | float] | None:
    values = optimisers.settings(recipe.lr_scheduler_kwargs)
    return {name: optimisers.number(value) for name, value in values.items()} or None


def _strategy(recipe: Recipe) -> dict[str, Any]:
    """FSDP's or DeepSpeed's settings; transformers finds DDP by itself."""
    settings = launch_command.settings(recipe)
    if recipe.strategy == "fsdp":
        return {"fsdp": True, "fsdp_config": settings}
    return {"deepspeed": settings} if settings is not None else {}


def adapter(recipe: Recipe) -> dict[str, Any]:
    """PEFT's configuration by name, for a tuning that leaves an adapter."""
    values: dict[str, Any] = {"task_type": "SEQ_CLS" if recipe.method == "reward" else "CAUSAL_LM"}
    match recipe.tuning:
        case "lora" | "qlora":
            values |= _lora(recipe)
        case "oft":
            values["oft_block_size"] = recipe.oft_block_size
        case "boft":
            values |= {
                "boft_block_size": recipe.boft_block_size,
                "boft_n_butterfly_factor": recipe.boft_n_butterfly_factor,
            }
        case "ia3":
            values["feedforward_modules"] = []
        case "prompt" | "prefix":
            values["num_virtual_tokens"] = recipe.num_virtual_tokens
    if TUNINGS[recipe.tuning].layers:
        targets = names(recipe.target_modules)
        whole = [*names(recipe.modules_to_save), *(["score"] if recipe.method == "reward" else [])]
        values |= {
            "target_modules": "all-linear" if targets == ["all-linear"] else targets,
            "modules_to_save": whole or None,
        }
    return values | (_first_words(recipe) if recipe.tuning == "prompt" else {})


def _lora(recipe: Recipe) -> dict[str, Any]:
    return {
        "r": recipe.lora_r,
        "lora_alpha": recipe.lora_alpha,
        "lora_dropout": recipe.lora_dropout,
        "use_rslora": recipe.use_rslora,
        "use_dora": recipe.use_dora,
        "init_lora_weights": True if recipe.init_lora_weights == "default" else recipe.init_lora_weights,
    }


def _first_words(recipe: Recipe) -> dict[str, Any]:
    text = recipe.prompt_tuning_init_text.strip()
    if not text:
        return {"prompt_tuning_init": "SAMPLE_VOCAB"}
    return {"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": text}


def quantised(told: Told) -> dict[str, Any]:
    """BitsAndBytesConfig by name."""
    recipe = told.recipe
    if recipe.quantization == "int8":
        return {"load_in_8bit": True}
    return {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": recipe.quantization,
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": weights_dtype(told),
    }


def weights_dtype(told: Told) -> str:
    """The precision the base is loaded in: weights that are trained as they are keep float32."""
    trains_base = TUNINGS[told.recipe.tuning].artifact == "model" or bool(told.recipe.modules_to_save)
    return "bfloat16" if told.is_bf16 and not trains_base else "float32"
