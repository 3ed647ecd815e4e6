"""GRPO and RLOO: prompts, rewards and trainer. See engine.workers.train.training."""

import json
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from engine.process import events
from engine.recipes import methods
from engine.recipes.choices.commas import weights, words
from engine.recipes.recipe import Recipe
from engine.workers.contract import WorkFailedError
from engine.workers.rewards import model as reward_model
from engine.workers.rewards import rewards
from engine.workers.tokens import judged_rows
from engine.workers.tokens.row_texts import Source
from engine.workers.train import training
from engine.workers.train.evaluation import held_out
from engine.workers.train.reporting import LossWatch
from engine.workers.train.training import Rows, Spec
from engine.workers.trainers.fast_logps import make_fast
from engine.workers.trainers.rows import WatchedTrainer
from engine.workers.tuning import adapters
from engine.workers.tuning.model import Base


class _Prompted(WatchedTrainer):
    """Prompts come as tokens: they were rendered and cut like those of every other method."""

    def _tokenize_prompts(self, prompts: list[list[int]]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def count_from(self, tokens: float) -> None:
        """Nothing: these trainers count in the state that checkpoints keep."""

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Without the loss on held-out prompts: it measures nothing, the reward there does."""
        logs.pop("eval_loss", None)
        super().log(logs, *args, **kwargs)  # type: ignore[misc]


class GroupTrainer(_Prompted, GRPOTrainer):
    """Group relative policy optimisation."""


class LeaveOneOutTrainer(_Prompted, RLOOTrainer):
    """REINFORCE with the other answers to the same prompt as the yardstick."""


def train(values: dict[str, Any], out: Path) -> dict[str, Any]:
    """As training.train, by the recipe's method."""
    return training.train(values, out, FAMILY)


def _rows(spec: Spec, base: Base, out: Path) -> Rows:
    recipe = spec.recipe
    max_prompt_tokens = base.longest(recipe) - recipe.max_completion_length
    if max_prompt_tokens < 1:
        hint = f"Lower max_completion_length below {base.longest(recipe)}."
        raise WorkFailedError("config", "The longest answer leaves no room for a prompt.", hint)
    selection = judged_rows.Selection(
        Source(spec.dataset_path, "prompt", max_prompt_tokens, answers_only=True), whole=True
    )
    prompts, counts = judged_rows.prepare(base.tokenizer, selection, out)
    for note in judged_rows.notes(counts, selection):
        events.append(out, note)
    if "exact_match" in words(recipe.reward_funcs):
        _check_answers(prompts, _column(spec))
    learnt, evaluated = held_out.split(prompts, spec, out)
    _check_enough(learnt, spec)
    return Rows(learnt, evaluated, counts)


def _column(spec: Spec) -> str:
    """Where the right answer stands."""
    return spec.recipe.reward_column or ("completion" if spec.dataset_kind == "completion" else "ground_truth")


def _check_enough(prompts: Dataset, spec: Spec) -> None:
    prompts_a_step = spec.rows_a_step // spec.recipe.num_generations
    if len(prompts) < prompts_a_step:
        message = f"A step takes {prompts_a_step} prompts, and there are {len(prompts)}."
        raise WorkFailedError("data", message, "Lower gradient_accumulation_steps or per_device_train_batch_size.")


def _check_answers(prompts: Dataset, column: str) -> None:
    """Raises WorkFailedError when a row lacks what exact_match compares with."""
    for number, row in enumerate(prompts, 1):
        columns = json.loads(row["extra"])
        if columns.get(column) in (None, ""):
            names = ", ".join(columns) or "none"
            message = f"The {number}. prompt has no column `{column}` with the right answer (its columns: {names})."
            raise WorkFailedError("data", message, "Change reward_column, or judge by other reward_funcs.")


def _trainer(spec: Spec, base: Base, rows: Rows, out: Path) -> Any:
    recipe = spec.recipe
    evaluates = rows.held_out is not None
    arguments = training.shared_arguments(spec, base, out, evaluates) | _arguments(recipe)
    config_class, trainer_class = (
        (RLOOConfig, LeaveOneOutTrainer) if recipe.method == "rloo" else (GRPOConfig, GroupTrainer)
    )
    trainer = trainer_class(
        model=base.model,
        processing_class=base.tokenizer,
        args=config_class(**arguments),
        train_dataset=_prompts(rows.train),
        eval_dataset=_prompts(rows.held_out) if rows.held_out is not None else None,
        peft_config=adapters.adapter(recipe, base.model, base.new_tokens),
        reward_funcs=rewards.judges(recipe, _column(spec), _scores(spec, base)),
    )
    make_fast(trainer, recipe.temperature)
    trainer.watch = LossWatch(trainer.model, recipe.learning_rate)
    return trainer


def _prompts(rows: Dataset) -> Dataset:
    return rows.rename_column("prompt_ids", "prompt")


def _scores(spec: Spec, base: Base) -> reward_model.Scorer | None:
    """The reward model of the recipe, on the device of the training."""
    if "reward_model" not in words(spec.recipe.reward_funcs) or not spec.companion:
        return None
    adapter, device = spec.companion["adapter"], "cpu" if spec.device == "cpu" else "cuda"
    dtype = torch.bfloat16 if base.bf16 else torch.float32
    return reward_model.load(Path(str(spec.companion["path"])), Path(adapter) if adapter else None, device, dtype)


def _arguments(recipe: Recipe) -> dict[str, Any]:
    """What these methods are told beyond the others."""
    method = methods.METHODS[recipe.method]
    prompts = max(1, recipe.per_device_train_batch_size // recipe.num_generations)
    arguments = {
        "per_device_eval_batch_size": prompts * recipe.num_generations,  # whole groups of answers
        "beta": method.beta if recipe.beta is None else recipe.beta,
        "num_generations": recipe.num_generations,
        "max_completion_length": recipe.max_completion_length,
        "temperature": recipe.temperature,
        "reward_weights": weights(recipe.reward_weights) or None,
        "shuffle_dataset": recipe.train_sampling_strategy != "sequential",
        "remove_unused_columns": False,
    }
    return arguments | ({"loss_type": recipe.loss_type or method.loss_types[0]} if method.loss_types else {})


FAMILY = training.Family(_rows, _trainer)
