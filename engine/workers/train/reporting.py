"""What a training says while it runs: events for the studio, and the end at the first loss that is no number."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.process import events
from engine.runs.doctor import causes
from engine.workers import contract, group
from engine.workers.train import peak_memory
from engine.workers.train.feeding import Feeding

BEAT_SECONDS = 1.0
SAID = {
    "loss": "loss {:.4g}",
    "eval_loss": "held-out loss {:.4g}",
    "reward": "reward {:.4g}",
    "eval_reward": "held-out reward {:.4g}",
    "rewards/margins": "margin {:.4g}",
    "learning_rate": "learning rate {:.3g}",
    "tokens_per_second": "{:,.0f} tokens/s",
}
LOG_ENTRIES_KEPT = 50  # trainer_state.json holds them all, and would grow with every step


class Reporter(TrainerCallback):
    """Writes `Started`, then a `Step` for every point the trainer logs. Between them it shows that it lives.

    `feeding` is a callback before this one.
    """

    def __init__(
        self, out: Path, attempt: int, facts: dict[str, Any], count_from: Callable[[float], None], feeding: Feeding
    ) -> None:
        self.out = out
        self.attempt = attempt
        self.facts = facts
        self.count_from = count_from
        self.feeding = feeding
        self.step_began = self.beat_at = 0.0
        self.seconds = 0.0  # spent in steps since the last point
        self.tokens = 0.0  # learnt from when the last point was written

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.tokens = tokens_so_far(state)
        self.count_from(self.tokens)
        facts = {
            **self.facts,
            "resumed_from_step": state.global_step or None,
            "order_changed": self.feeding.order_changed,
            "usual_labels": self.feeding.trainer.usual_labels,
        }
        started = events.Started(attempt=self.attempt, total_steps=state.max_steps, facts=facts)
        events.append(self.out, started)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.step_began = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds += time.monotonic() - self.step_began
        self._beat()

    def on_substep_end(self, *_: Any, **__: Any) -> None:
        self._beat()

    def on_prediction_step(self, *_: Any, **__: Any) -> None:
        self._beat()

    def _beat(self) -> None:
        """A step of many batches, steps that are not logged, and a long evaluation are no hang."""
        if (now := time.monotonic()) - self.beat_at >= BEAT_SECONDS:
            self.beat_at = now
            events.beat(self.out)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        del state.log_history[:-LOG_ENTRIES_KEPT]
        metrics = {name: float(value) for name, value in (logs or {}).items() if value is not None}
        if "train_runtime" in metrics:
            return  # the summary at the end
        if "loss" in metrics:
            metrics["tokens_per_second"] = (metrics["num_tokens"] - self.tokens) / max(self.seconds, 1e-9)
            metrics["data_wait_share"] = self.feeding.share(self.seconds)
            metrics["peak_memory_bytes"] = float(peak_memory.peak_bytes(args.device.type))
            self.tokens, self.seconds = metrics["num_tokens"], 0.0
        events.append(self.out, events.Step(step=state.global_step, metrics=metrics))
        if state.is_world_process_zero and (line := line_of(metrics)):
            sys.stdout.write(f"step {state.global_step} of {state.max_steps}: {line}\n")
            sys.stdout.flush()


def line_of(metrics: dict[str, float]) -> str:
    """What the log says of a point, since all of it is events: what it is judged by, and how fast it goes."""
    return ", ".join(words.format(metrics[name]) for name, words in SAID.items() if name in metrics)


def tokens_so_far(state: TrainerState) -> float:
    """Real tokens learnt from before a checkpoint was saved; 0 at the start of a run."""
    return next((entry["num_tokens"] for entry in reversed(state.log_history) if "num_tokens" in entry), 0.0)


class LossWatch:
    """Ends the training at the first loss that is no number, before it spoils the weights, and says why."""

    def __init__(self, model: torch.nn.Module, learning_rate: float) -> None:
        self.model = model
        self.learning_rate = learning_rate
        self.batch_count = 0

    def __call__(self, loss: torch.Tensor) -> None:
        self.batch_count += 1
        if not torch.isfinite(loss).all():
            raise self._diagnosis(float(loss))

    def _diagnosis(self, loss: float) -> contract.WorkFailedError:
        parameters = self.model.named_parameters()
        broken = next((name for name, parameter in parameters if not torch.isfinite(group.held(parameter)).all()), None)
        if broken and self.batch_count == 1:
            message = f"The model's weights contain NaN or infinity (first: {broken})."
            return contract.WorkFailedError("data", message, "The model's files are damaged: fetch the model again.")
        cause = "the training diverged" if broken else "numbers overflowed in the model"
        advice = f"Lower learning_rate from {self.learning_rate:g} to {self.learning_rate / 10:g}"
        hint = f"{advice}, add a few warmup_steps, and keep max_grad_norm at 1."
        message = f"The loss became {loss} in batch {self.batch_count}: {cause}."
        return contract.WorkFailedError("config", message, hint, causes.NOT_A_NUMBER)
