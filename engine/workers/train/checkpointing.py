"""Checkpoints of a training: sealed, the newest and the best of them kept, and the reasons to end before the last step.

A callback of transformers' trainer. Every process of a training has one and they decide alike: what the studio asks is
agreed on (engine.workers.group), what evaluations say is the same everywhere. Only the first process seals, tells and
forgets. What has to survive a resume (the best so far, how long there was none) lies in the checkpoint's own
trainer_state.json, and what a checkpoint is worth in its manifest.
"""

import math
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from engine.process import events
from engine.recipes import best_checkpoint
from engine.recipes.recipe import Recipe
from engine.weights import checkpoints
from engine.workers import contract, group, ranks
from engine.workers.train import disk_space

STATE = "Checkpoints"  # the class's name: transformers keeps its state under it


@dataclass(frozen=True)
class Rules:
    """What is kept and when to end, from the recipe."""

    newest: int
    best: int
    measure: str
    greater: bool
    restores: bool
    patience: int = 0
    threshold: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe) -> "Rules":
        measure, greater = best_checkpoint.deciding_metric(recipe)
        return cls(
            newest=recipe.save_total_limit,
            best=best_checkpoint.best_kept(recipe),
            measure=measure,
            greater=greater,
            restores=recipe.load_best_model_at_end,
            patience=recipe.early_stopping_patience,
            threshold=recipe.early_stopping_threshold,
        )

    def gain(self, value: float, before: float) -> float:
        """By how much `value` is better than `before`; below zero when it is worse."""
        return value - before if self.greater else before - value


class Checkpoints(TrainerCallback, ExportableState):
    """Seals each checkpoint with a manifest, keeps the newest and the best, and ends the training when it has to.

    Asked by OUT/stop.request (`stopped` is true afterwards), by SIGTERM (`terminated`) when the machine goes down, by
    evaluations that get no better (`ended_early`), and by a disk that fills up (a WorkFailedError after saving).
    """

    def __init__(self, out: Path, rules: Rules) -> None:
        self.out = out
        self.rules = rules
        self.disk = disk_space.DiskSpace(out)
        self.stopped = False
        self.terminated = False
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0  # evaluations since there was a better one
        self.ended_early = 0  # the step, once it has
        self.measured: dict[str, float] = {}  # at this step

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this."""
        names = ("best", "best_step", "waited", "ended_early")
        return {"args": {}, "attributes": {name: getattr(self, name) for name in names}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """From here on SIGTERM is a request to save and end; before, there is nothing to save."""
        saved = state.stateful_callbacks.setdefault(STATE, self.state()) or {}
        for name, value in saved.get("attributes", {}).items():
            setattr(self, name, value)
        signal.signal(signal.SIGTERM, self._terminate)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.ended_early or state.global_step >= state.max_steps:
            raise AlreadyOverError

    def on_train_end(self, *_: Any, **__: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        self.terminated = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        self.measured = {}
        stop_requested = self.stopped or contract.stop_requested(self.out)
        self.stopped, self.terminated, is_filling = group.agree(stop_requested, self.terminated, self.disk.is_filling())
        if self.stopped or self.terminated:
            control.should_save = control.should_training_stop = True
        control.should_save = control.should_save or is_filling
        if state.global_step >= state.max_steps and args.eval_strategy != "no":
            control.should_evaluate = True
        if control.should_save or (control.should_evaluate and self.rules.best):
            # The loss between two points is not part of a checkpoint: with a point here, a resumed curve is the same.
            control.should_log = True
        if control.should_save:
            self._make_room(state.global_step, kwargs)
        return control

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        self.measured |= {name: float(value) for name, value in (logs or {}).items() if name in ("loss", "grad_norm")}

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> TrainerControl:
        if not self.rules.best:
            self.measured |= _evaluated(metrics)
            return control
        value = self._value(metrics or {})
        self.measured |= {**_evaluated(metrics), self.rules.measure: value}
        (saves,) = group.agree(ranks.first() and self._is_among_the_best(value))  # the disk may be the first one's own
        if self._compare(value, state.global_step):
            self.ended_early = state.global_step
            control.should_training_stop = saves = True
            self._note_early_end(state.global_step)
        if saves and not control.should_save:
            control.should_save = True
            self._make_room(state.global_step, kwargs)
        return control

    def end_early(self, step: int, control: TrainerControl) -> None:
        """Ends the training after this step as a success; a checkpoint is written first."""
        self.ended_early = step
        control.should_training_stop = control.should_save = True

    def _value(self, metrics: dict[str, float]) -> float:
        if self.rules.measure not in metrics:
            names = ", ".join(sorted(name for name in metrics if name.startswith("eval_")))
            message = f"metric_for_best_model is {self.rules.measure}, which this training does not measure."
            raise contract.WorkFailedError("config", message, f"Choose from: {names}.")
        return float(metrics[self.rules.measure])

    def _note_early_end(self, step: int) -> None:
        if ranks.first():
            message = (
                f"Stopped early at step {step}: {self.waited} evaluations without a better {self.rules.measure} than "
            )
            message += f"{self.best:.4g} of step {self.best_step}."
            events.append(self.out, events.Note(message=message))

    def _compare(self, value: float, step: int) -> bool:
        """Takes in an evaluation; says whether there were enough of them without a better one."""
        gain = math.inf if self.best is None else self.rules.gain(value, self.best)
        gain = -math.inf if math.isnan(value) else gain
        self.waited = 0 if gain > self.rules.threshold else self.waited + 1
        if gain > 0:
            self.best, self.best_step = value, step
        return 0 < self.rules.patience <= self.waited

    def _is_among_the_best(self, value: float) -> bool:
        values = sorted(self._worth().values(), key=lambda other: self.rules.gain(other, 0.0), reverse=True)
        if math.isnan(value):
            return False
        return len(values) < self.rules.best or self.rules.gain(value, values[self.rules.best - 1]) > 0

    def _worth(self) -> dict[Path, float]:
        """What each sealed checkpoint measured."""
        measured = {folder: checkpoints.metrics_at(folder).get(self.rules.measure) for folder in self._sealed()}
        return {folder: value for folder, value in measured.items() if value is not None and not math.isnan(value)}

    def _sealed(self) -> list[Path]:
        return [folder for folder in checkpoints.in_order(self.out) if checkpoints.is_complete(folder)]

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        broken = first_not_finite(model)
        (is_broken,) = group.agree(broken is not None)  # here all have written what is theirs
        if is_broken and not broken:
            group.wait()  # for the process that says why
        if broken:
            shutil.rmtree(folder)
            raise contract.WorkFailedError(
                "config",
                f"After step {state.global_step} the weights contain NaN or infinity (first: {broken}).",
                "Resume from the checkpoint before with a lower learning_rate, and keep max_grad_norm at 1.",
            )
        if ranks.first():
            self._seal(folder, state.global_step)
        # Nobody goes on, or ends, before it is sealed.
        self.disk.raise_if_full(f"the checkpoint of step {state.global_step} was just written")

    def _seal(self, folder: Path, step: int) -> None:
        # A pickle that resuming does not need, and that has held access tokens in the past.
        (folder / "training_args.bin").unlink(missing_ok=True)
        checkpoints.write_manifest(folder, step, self.measured)
        events.append(self.out, events.Saved(step=step, checkpoint=str(folder.relative_to(self.out))))
        self.disk.wrote(folder)
        for old in self._not_kept(self.rules.newest):  # only now: there is never a moment without a good checkpoint
            shutil.rmtree(old)

    def _not_kept(self, newest: int) -> list[Path]:
        """What may go, the oldest first: neither among the newest nor among the best."""
        folders, worth = checkpoints.in_order(self.out), self._worth()
        best = sorted(worth, key=lambda folder: self.rules.gain(worth[folder], 0.0), reverse=True)[: self.rules.best]
        return [folder for folder in folders[:-newest] if folder not in best]

    def _make_room(self, step: int, kwargs: dict[str, Any]) -> None:
        """Before a checkpoint is written, older ones go where there is no room. Raises WorkFailedError without any."""
        if not ranks.first():
            return
        self.disk.expects(kwargs.get("model"), kwargs.get("optimizer"))
        for folder in self._not_kept(1):
            if self.disk.is_enough():
                break
            shutil.rmtree(folder)
            message = f"The disk is nearly full, so the checkpoint of step {checkpoints.step_of(folder)} was deleted."
            events.append(self.out, events.Note(level="warning", message=message))
        self.disk.check(step, checkpoints.newest_step(self.out))

    def best_folder(self) -> Path | None:
        """The best checkpoint that verifies; None when none was measured."""
        worth = self._worth()
        in_order = sorted(worth, key=lambda folder: self.rules.gain(worth[folder], 0.0), reverse=True)
        return next((folder for folder in in_order if checkpoints.matches_manifest(folder)), None)


def _evaluated(metrics: dict[str, float] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (metrics or {}).items() if name == "eval_loss"}


def first_not_finite(model: torch.nn.Module) -> str | None:
    """The name of the first trained tensor with NaN or infinity in it."""
    trained = ((name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad)
    return next((name for name, tensor in trained if not torch.isfinite(group.held(tensor)).all()), None)


class AlreadyOverError(Exception):
    """The checkpoint that was resumed from is one of the end: nothing is left to train."""


def train(trainer: Any, resume_from: Path | None) -> float:
    """Trains to the end and returns the mean loss. A checkpoint of the end is loaded and not trained one step further.

    transformers begins one more step there when the end lies within an epoch, so it is stopped as it begins.
    """
    try:
        outcome = trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    except AlreadyOverError:
        trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
        return next((entry["loss"] for entry in reversed(trainer.state.log_history) if "loss" in entry), 0.0)
    return float(outcome.training_loss)


def restore_best(trainer: Any, keeper: Checkpoints) -> dict[str, Any]:
    """Gives the trained model the weights of the best checkpoint, where the recipe wants that. Returns what it did."""
    rules = keeper.rules
    folder = keeper.best_folder() if rules.best else None
    if folder is None:
        return {}
    step, last = checkpoints.step_of(folder), trainer.state.global_step
    value = checkpoints.metrics_at(folder)[rules.measure]
    result = {"best_step": step, "best_metric": value, "metric_for_best_model": rules.measure}
    if not rules.restores or step == last:
        return result
    trainer.state.best_model_checkpoint = str(folder)
    trainer._load_best_model()
    if ranks.first():
        message = f"The result is the checkpoint of step {step}, the best one: {rules.measure} {value:.4g}. "
        message += f"The training went on to step {last}."
        events.append(keeper.out, events.Note(message=message))
    return {**result, "restored_step": step}
