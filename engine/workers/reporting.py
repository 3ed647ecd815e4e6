"""Callbacks of a training: events for the studio, checkpoints that can be trusted, and ending when asked."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine import checkpoints, events
from engine.workers import contract

LOG_ENTRIES_KEPT = 50  # trainer_state.json holds them all, and would grow with every step


class Reporter(TrainerCallback):
    """Writes `Started`, then a `Step` for every point the trainer logs."""

    def __init__(self, out: Path, attempt: int, facts: dict[str, Any], count_from: Callable[[float], None]) -> None:
        self.out = out
        self.attempt = attempt
        self.facts = facts
        self.count_from = count_from
        self.step_began = 0.0
        self.seconds = 0.0  # spent in steps since the last point
        self.tokens = 0.0  # learnt from when the last point was written

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.tokens = tokens_so_far(state)
        self.count_from(self.tokens)
        facts = {**self.facts, "resumed_from_step": state.global_step or None}
        started = events.Started(attempt=self.attempt, total_steps=state.max_steps, facts=facts)
        events.append(self.out, started)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.step_began = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds += time.monotonic() - self.step_began

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        del state.log_history[:-LOG_ENTRIES_KEPT]
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        if "train_runtime" in metrics:
            return  # the summary at the end
        if "loss" in metrics:
            metrics["tokens_per_second"] = (metrics["num_tokens"] - self.tokens) / max(self.seconds, 1e-9)
            self.tokens, self.seconds = metrics["num_tokens"], 0.0
        events.append(self.out, events.Step(step=state.global_step, metrics=metrics))


def tokens_so_far(state: TrainerState) -> float:
    """Real tokens learnt from before a checkpoint was saved; 0 at the start of a run."""
    return next((entry["num_tokens"] for entry in reversed(state.log_history) if "num_tokens" in entry), 0.0)


class Checkpoints(TrainerCallback):
    """Seals each checkpoint with a manifest, keeps the newest few, and saves and stops when asked to.

    Asked by OUT/stop.request (`stopped` is true afterwards), or by SIGTERM (`terminated`), when the machine goes down.
    """

    def __init__(self, out: Path, keep: int) -> None:
        self.out = out
        self.keep = keep
        self.stopped = False
        self.terminated = False

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """From here on SIGTERM is a request to save and end; before, there is nothing to save."""
        signal.signal(signal.SIGTERM, self._terminate)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        self.terminated = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self.stopped = self.stopped or contract.stop_requested(self.out)
        if self.stopped or self.terminated:
            control.should_save = control.should_training_stop = True
        if control.should_save:
            # The loss between two points is not part of a checkpoint: with a point here, a resumed curve is the same.
            control.should_log = True
        if state.global_step >= state.max_steps and args.eval_strategy != "no":
            control.should_evaluate = True
        return control

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        # A pickle that resuming does not need, and that has held access tokens in the past.
        (folder / "training_args.bin").unlink(missing_ok=True)
        broken = first_not_finite(model)
        if broken:
            shutil.rmtree(folder)
            raise contract.WorkFailedError(
                "config",
                f"After step {state.global_step} the weights are no numbers any more (first: {broken}).",
                "Resume from the checkpoint before with a lower learning_rate, and keep max_grad_norm at 1.",
            )
        checkpoints.write_manifest(folder, state.global_step)
        events.append(self.out, events.Saved(step=state.global_step, checkpoint=str(folder.relative_to(self.out))))
        self._forget_old(folder.parent)

    def _forget_old(self, parent: Path) -> None:
        """Only after the new one is sealed: there is never a moment without a good checkpoint."""
        found = sorted(parent.glob("checkpoint-*"), key=lambda folder: int(folder.name.rpartition("-")[2]))
        for folder in found[: -self.keep]:
            shutil.rmtree(folder)


def first_not_finite(model: torch.nn.Module) -> str | None:
    """The name of the first trained tensor with NaN or infinity in it."""
    trained = ((name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad)
    return next((name for name, tensor in trained if not torch.isfinite(tensor).all()), None)


class LossWatch:
    """Ends the training at the first loss that is no number, before it spoils the weights, and says why."""

    def __init__(self, model: torch.nn.Module, learning_rate: float) -> None:
        self.model = model
        self.learning_rate = learning_rate
        self.seen = 0

    def __call__(self, loss: torch.Tensor) -> None:
        self.seen += 1
        if not torch.isfinite(loss).all():
            raise self._diagnosis(float(loss))

    def _diagnosis(self, loss: float) -> contract.WorkFailedError:
        broken = next((n for n, tensor in self.model.named_parameters() if not torch.isfinite(tensor).all()), None)
        if broken and self.seen == 1:
            message = f"The model's weights hold values that are no numbers (first: {broken})."
            return contract.WorkFailedError("data", message, "The model's files are damaged: fetch the model again.")
        cause = "the weights ran away" if broken else "numbers overflowed in the model"
        lower = f"Lower learning_rate from {self.learning_rate:g} to {self.learning_rate / 10:g}"
        hint = f"{lower}, add a few warmup_steps, and keep max_grad_norm at 1."
        return contract.WorkFailedError("config", f"The loss became {loss} in batch {self.seen}: {cause}.", hint)
