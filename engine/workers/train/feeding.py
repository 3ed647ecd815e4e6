"""How rows reach a training: how long it waits for them, and whether a resume goes on in the order it had.

A callback of transformers' trainer. What it measures costs two readings of the clock a step.
"""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

STATE = "Feeding"  # the class's name: transformers keeps its state under it


class Feeding(TrainerCallback, ExportableState):
    """Times `trainer.get_batch_samples`, and keeps in every checkpoint what the order of the rows follows from.

    The order is a function of the seed, the number of rows and the rows of a step (engine.workers.trainers.row_order):
    a resume with other numbers passes over rows, or learns some of them twice. A run that an earlier version began goes
    on without weighing its steps by their learnt tokens.
    """

    def __init__(self, trainer: Any, rows: int, rows_a_step: int) -> None:
        self.seconds = 0.0  # waited since the last point
        self.order = {"rows": rows, "rows_a_step": rows_a_step, "seed": int(trainer.args.seed)}
        self.order_changed: dict[str, list[int]] | None = None  # by the resume: name -> before, now
        self.trainer = trainer
        fetch = trainer.get_batch_samples

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.monotonic()
            batches = fetch(*arguments, **named)
            self.seconds += time.monotonic() - began
            return batches

        trainer.get_batch_samples = timed

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this."""
        return {"args": {}, "attributes": {"order": self.order, "usual_labels": self.trainer.usual_labels}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Compares with what the checkpoint kept, if the training goes on from one."""
        saved = (state.stateful_callbacks.get(STATE) or {}).get("attributes", {}) if state.global_step else {}
        if state.global_step and saved.get("usual_labels") is None:
            self.trainer.usual_labels = None
        state.stateful_callbacks[STATE] = self.state()
        before = saved.get("order", {})
        changed = {name: [before[name], now] for name, now in self.order.items() if before.get(name, now) != now}
        self.order_changed = changed or None

    def share(self, step_seconds: float) -> float:
        """The share of the time since the last point that went by in waiting for rows; the rest is that in steps."""
        waited, self.seconds = self.seconds, 0.0
        return waited / max(waited + step_seconds, 1e-9)
