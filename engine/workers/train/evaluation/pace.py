"""How often held-out rows are read while a training goes on: so that it takes at most a tenth of the training's time.

Where a recipe leaves eval_steps empty. What a step takes is measured up to the first evaluation, and what an evaluation
takes in each; the distance grows accordingly. Only where not even one in the middle and one at the end would fit, fewer
rows are read: half of them, a quarter ... always the same ones, so that trainings of one speed read the same.
A recipe that says eval_steps gets what it says, and a remark where that takes longer.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from engine.process import events
from engine.recipes import methods
from engine.recipes.evaluations import evaluated_every
from engine.workers import group
from engine.workers.train.spec import Spec

SHARE = 0.1  # of the time of all steps
FEWEST_EVALUATIONS = 2  # in the middle and at the end
FEWEST_ROWS = 8
READ_SHARE = 0.5  # of the time to learn from a row, to read one: no gradients. Answers are generated for both
REMARKED_SECONDS = 10.0  # shorter evaluations, all together, are nobody's trouble


class EvaluationPace(TrainerCallback, ExportableState):
    """Sets the trainer's eval_steps, and the rows of its eval_dataset before they are first read."""

    def __init__(self, out: Path, spec: Spec, trainer: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.out, self.trainer, self.clock = out, trainer, clock
        self.automatic = spec.recipe.eval_steps is None
        self.rows_a_step = spec.rows_a_step
        self.read_share = 1.0 if spec.recipe.method in methods.GENERATING else READ_SHARE
        self.every = 0  # steps; 0 until it is known
        self.rows = 0  # that are read; 0 until it is decided
        self.spent = self.learnt = 0.0  # seconds in evaluations and in steps
        self.evaluations = self.steps = 0
        self.is_told = False
        self._began: float | None = None  # the step that is under way

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this."""
        names = ("every", "rows", "spent", "learnt", "evaluations", "steps", "is_told")
        return {"args": {}, "attributes": {name: getattr(self, name) for name in names}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        saved = state.stateful_callbacks.setdefault(type(self).__name__, self.state()) or {}
        for name, value in saved.get("attributes", {}).items():
            setattr(self, name, value)
        if self.automatic:
            self.every = self.every or evaluated_every(state.max_steps)
            state.eval_steps = self.every
        if self.rows and self.trainer.eval_dataset is not None:
            self._read_only(self.rows)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """A step ends where the next one begins: a GPU goes on computing when the trainer has said that it is over."""
        self._step_is_over()
        self._began = self.clock()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if control.should_evaluate:
            self._step_is_over()
        if self.automatic and control.should_evaluate and not self.rows and self.trainer.eval_dataset is not None:
            self._read_only(group.told_by_first(self._rows_that_fit(state.max_steps)))

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        self.spent += float((metrics or {}).get("eval_runtime", 0.0))
        self.evaluations += 1
        (is_slow,) = group.agree(self._is_slow(state))
        if self.automatic:
            self._slow_down(state)
        elif is_slow and not self.is_told:
            self.is_told = True
            share = 100 * self.spent / self.evaluations / (self.step_seconds * state.eval_steps)
            message = f"An evaluation every {state.eval_steps:g} steps takes {share:.0f} % of the time of the steps."
            message += " Left empty, eval_steps keeps it to a tenth."
            events.append(self.out, events.Note(level="warning", message=message))

    def leave_out(self, seconds: float) -> None:
        """Does not count that much of the step that is under way: something else was done meanwhile."""
        if self._began is not None:
            self._began += seconds

    def _step_is_over(self) -> None:
        if self._began is not None:
            self.learnt += self.clock() - self._began
            self.steps += 1
        self._began = None

    @property
    def step_seconds(self) -> float:
        return self.learnt / max(1, self.steps)

    def _rows_that_fit(self, max_steps: int) -> int:
        """As many as can be read in the middle and at the end; all of them, or half of them, a quarter ..."""
        rows = len(self.trainer.eval_dataset)
        seconds_a_row = self.read_share * self.step_seconds / max(1, self.rows_a_step)
        most = SHARE * self.step_seconds * max_steps / (FEWEST_EVALUATIONS * max(seconds_a_row, 1e-9))
        while rows > max(most, 2 * FEWEST_ROWS - 1):
            rows = math.ceil(rows / 2)
        return rows

    def _read_only(self, rows: int) -> None:
        self.rows, held_out = rows, len(self.trainer.eval_dataset)
        if rows < held_out:
            self.trainer.eval_dataset = self.trainer.eval_dataset.select(range(rows))
            message = f"Only {rows:,} of the {held_out:,} held-out rows for the curve are read: "
            message += "all of them would take more than a tenth of the training's time."
            events.append(self.out, events.Note(message=message))

    def _is_slow(self, state: TrainerState) -> bool:
        """Whether all evaluations, at the distance there is, take more than their share, and long."""
        mean, count = self.spent / self.evaluations, state.max_steps / max(1, state.eval_steps)
        return mean > SHARE * self.step_seconds * state.eval_steps and mean * count > REMARKED_SECONDS

    def _slow_down(self, state: TrainerState) -> None:
        """Those to come share what is left of a tenth of the whole time; the one at the end there is anyway."""
        if state.global_step >= state.max_steps:
            return
        mean = self.spent / self.evaluations
        left = max(mean, SHARE * self.step_seconds * state.max_steps - self.spent)
        every = self.every
        while every < state.max_steps and mean * _to_come(state, every) > left:
            every += 1
        every = group.told_by_first(every)
        if every > self.every and not self.is_told:
            self.is_told = True
            message = f"An evaluation takes {mean:.2g} seconds and a step {self.step_seconds:.2g}, so there is one "
            message += f"every {every} steps instead of {self.every}: at most a tenth of the time."
            events.append(self.out, events.Note(message=message))
        self.every = state.eval_steps = every


def _to_come(state: TrainerState, every: int) -> int:
    """Evaluations after this step, when there is one every so many and one at the end."""
    return state.max_steps // every - state.global_step // every + bool(state.max_steps % every)
