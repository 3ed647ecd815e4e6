"""GRPO and RLOO: prompts, rewards and trainer. See engine.workers.training."""

import json
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from engine import events, methods
from engine.recipe import Recipe
from engine.recipe_rules import weights, words
from engine.workers import judged_rows, rewards, training, training_model
from engine.workers.contract import WorkFailedError
from engine.workers.fast_logps import make_fast
from engine.workers.reporting import LossWatch
from engine.workers.row_texts import Source
from engine.workers.row_trainer import WatchedTrainer
from engine.workers.training import Rows, Spec
from engine.workers.training_model import Base


class _Prompted(WatchedTrainer):
    """Prompts come as tokens: they were rendered and cut like those of every other method."""

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def count_from(self, tokens: float) -> None:
        """Nothing: these trainers count in the state that checkpoints keep."""


class GroupTrainer(_Prompted, GRPOTrainer):
    """Group relative policy optimisation."""


class LeaveOneOutTrainer(_Prompted, RLOOTrainer):
    """REINFORCE with the other answers to the same prompt as the yardstick."""


def train(values: dict[str, Any], out: Path) -> dict[str, Any]:
    """As training.train, by the recipe's method."""
    return training.train(values, out, FAMILY)


def _rows(spec: Spec, base: Base, out: Path) -> Rows:
    recipe = spec.recipe
    room = base.longest(recipe) - recipe.max_completion_length
    if room < 1:
        hint = f"Lower max_completion_length below {base.longest(recipe)}."
        raise WorkFailedError("config", "The longest answer leaves no room for a prompt.", hint)
    wanted = judged_rows.Wanted(Source(spec.dataset_path, "prompt", room, answers_only=True), whole=True)
    prompts, counts = judged_rows.prepare(base.tokenizer, wanted, out)
    for note in judged_rows.notes(counts, wanted):
        events.append(out, note)
    _check_enough(prompts, recipe)
    if "exact_match" in words(recipe.reward_funcs):
        _check_answers(prompts, _column(spec))
    return Rows(prompts, None, counts)


def _column(spec: Spec) -> str:
    """Where the right answer stands."""
    return spec.recipe.reward_column or ("completion" if spec.dataset_kind == "completion" else "ground_truth")


def _check_enough(prompts: Dataset, recipe: Recipe) -> None:
    a_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps // recipe.num_generations
    if len(prompts) < a_step:
        message = f"A step takes {a_step} prompts, and there are {len(prompts)}."
        raise WorkFailedError("data", message, "Lower gradient_accumulation_steps or per_device_train_batch_size.")


def _check_answers(prompts: Dataset, column: str) -> None:
    """Raises WorkFailedError when a row lacks what exact_match compares with."""
    for number, row in enumerate(prompts, 1):
        known = json.loads(row["extra"])
        if known.get(column) in (None, ""):
            have = ", ".join(known) or "none"
            message = f"The {number}. prompt has no column `{column}` with the right answer (its columns: {have})."
            raise WorkFailedError("data", message, "Change reward_column, or judge by other reward_funcs.")


def _trainer(spec: Spec, base: Base, rows: Rows, out: Path) -> Any:
    recipe = spec.recipe
    arguments = training.shared_arguments(spec, base, out, evaluates=False) | _arguments(recipe)
    config, kind = (RLOOConfig, LeaveOneOutTrainer) if recipe.method == "rloo" else (GRPOConfig, GroupTrainer)
    trainer = kind(
        model=base.model,
        processing_class=base.tokenizer,
        args=config(**arguments),
        train_dataset=rows.train.rename_column("prompt_ids", "prompt"),
        peft_config=training_model.lora(recipe, base.model),
        reward_funcs=rewards.judges(recipe, _column(spec)),
    )
    make_fast(trainer, recipe.temperature)
    trainer.watch = LossWatch(trainer.model, recipe.learning_rate)
    return trainer


def _arguments(recipe: Recipe) -> dict[str, Any]:
    """What these methods are told beyond the others."""
    method = methods.METHODS[recipe.method]
    found = {
        "beta": method.beta if recipe.beta is None else recipe.beta,
        "num_generations": recipe.num_generations,
        "max_completion_length": recipe.max_completion_length,
        "temperature": recipe.temperature,
        "reward_weights": weights(recipe.reward_weights) or None,
        "shuffle_dataset": recipe.train_sampling_strategy != "sequential",
        "remove_unused_columns": False,
    }
    return found | ({"loss_type": recipe.loss_type or method.loss_types[0]} if method.loss_types else {})


FAMILY = training.Family(_rows, _trainer)
