"""Ends a training that cannot come to anything, with a diagnosis: what, at which step, with which numbers, the remedy.

A callback beside the checkpoints'. It decides on the logged numbers, which are the same in every process. A resumed
training is watched anew.
"""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.process import events
from engine.recipes.methods import GENERATING
from engine.recipes.recipe import Recipe
from engine.runs.doctor import causes, curve_rules
from engine.workers import ranks
from engine.workers.contract import WorkFailedError
from engine.workers.train.checkpointing import Checkpoints

# Where nobody can say what a usual reward is, many steps in a row may pass in which no two answers differ in theirs.
SILENT_STEPS_OF_REWARDS = 200


class CurveWatch(TrainerCallback):
    """Watches loss, gradient norm and held-out loss of one training."""

    def __init__(self, out: Path, recipe: Recipe, keeper: Checkpoints) -> None:
        self.out, self.recipe, self.keeper = out, recipe, keeper
        self.by_reward = recipe.method in GENERATING  # such a loss is not meant to fall, and is often zero
        in_order = recipe.train_sampling_strategy == "sequential"  # easy rows may stand before hard ones
        self.divergence = None if self.by_reward or in_order else curve_rules.Divergence()
        self.losses = curve_rules.Zeros()
        self.gradients = curve_rules.Zeros(SILENT_STEPS_OF_REWARDS if self.by_reward else curve_rules.ZEROS)
        self.overfitting = curve_rules.Overfitting()

    def on_train_begin(self, *_: Any, model: Any = None, **__: Any) -> None:
        if model is not None and not any(parameter.requires_grad for parameter in model.parameters()):
            hint = "Choose layers that the model has, or another tuning."
            raise WorkFailedError("config", "Nothing would be trained: none of the model's weights is trainable.", hint)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        metrics = logs or {}
        if "loss" not in metrics:
            return
        loss, step = float(metrics["loss"]), state.global_step
        self.overfitting.learnt(loss)
        if self.divergence and (finding := self.divergence(step, loss)):
            raise self._diverged(finding, step)
        if not self.by_reward and self.losses(step, loss):
            self._nothing_left(step, control)
        elif "grad_norm" in metrics and (finding := self.gradients(step, float(metrics["grad_norm"]))):
            self._no_gradient(finding, step, loss)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        held_out = (metrics or {}).get("eval_loss")
        if held_out is None or self.by_reward:
            return
        if findings := self.overfitting(state.global_step, held_out):
            risen, fallen = findings
            self._warn(
                f"Since step {risen.since} the held-out loss has risen ({risen.before:.4g}, now {risen.now:.4g}) while "
                f"the training loss fell ({fallen.before:.4g}, now {fallen.now:.4g}): the model is overfitting. "
                f"{self._remedy(risen.since)}"
            )

    def _remedy(self, step: int) -> str:
        if self.recipe.load_best_model_at_end:
            return "The result will be the best checkpoint."
        return f"Train for about {step} steps, or with load_best_model_at_end, or use more rows."

    def _diverged(self, finding: curve_rules.Finding, step: int) -> WorkFailedError:
        rate = self.recipe.learning_rate
        hint = (
            f"Start again with learning_rate {rate / 10:g} instead of {rate:g}, a few warmup_steps and max_grad_norm "
            "1. Resume would continue with diverged weights."
        )
        message = (
            f"The loss has diverged: around {finding.before:.4g} at step {finding.since}, and {finding.now:.4g} in the "
            f"last {curve_rules.WINDOW} points up to step {step}."
        )
        return WorkFailedError("config", message, hint, causes.DIVERGED)

    def _nothing_left(self, step: int, control: TrainerControl) -> None:
        since = self.losses.since
        if not self.losses.was_something:
            message = f"The loss has been 0 in every step from {since} to {step}: the rows give nothing to learn."
            hint = "Look at the dataset's tokens: is there an answer within max_length, and do the two answers differ?"
            raise WorkFailedError("data", message, hint, causes.ZERO_LOSS)
        self._warn(
            f"The loss has been 0 since step {since}: nothing is left to learn. The training ended at step {step}."
        )
        self.keeper.end_early(step, control)

    def _no_gradient(self, finding: curve_rules.Finding, step: int, loss: float) -> None:
        when = f"in every step from {finding.since} to {step}"
        if self.by_reward:
            message = f"The rewards gave all answers to a prompt the same score {when}, so nothing was learnt."
            hint = "Choose easier prompts, a reward that is not all or nothing, more num_generations, or a higher "
            raise WorkFailedError("data", message, f"{hint}temperature.", causes.ALL_ALIKE)
        message = f"The gradients were 0 {when}, with a loss of {loss:.4g}: no trained weight affects it."
        hint = "Choose other layers, another tuning, or less clipping and smoothing."
        raise WorkFailedError("config", message, hint, causes.NO_GRADIENT)

    def _warn(self, message: str) -> None:
        if ranks.first():
            events.append(self.out, events.Note(level="warning", message=message))
