"""Does real steps of a training for a probe, recipe after recipe, and measures each. See engine.fit.batch_search."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
from transformers import TrainerCallback, TrainerControl, TrainingArguments

from engine.fit.batch_search import Search
from engine.fit.measurement import Measured, Trial
from engine.fit.measurement import Rows as RowFacts
from engine.process import events
from engine.recipes import methods
from engine.recipes.fields.distributed import Distributed
from engine.recipes.recipe import Recipe
from engine.workers import contract
from engine.workers.fit import memory as fit_memory
from engine.workers.fit import rows as fit_rows
from engine.workers.train import family_distil, family_preference, family_reinforce, training
from engine.workers.train.training import Spec

FAMILIES = {
    "sft": training.SUPERVISED,
    "cpt": training.SUPERVISED,
    **dict.fromkeys(family_preference.MAKERS, family_preference.FAMILY),
    **dict.fromkeys(methods.GENERATING, family_reinforce.FAMILY),
    "gkd": family_distil.FAMILY,
}
MOST_ACCUMULATED = 2  # two batches hold what any number of them does: gradients, and one batch's activations
EXPECTED_TRIALS = 3
# What is measured is one process with everything in it, however the training will be spread.
ALONE = {name: known.default for name, known in Distributed.model_fields.items()}


def measured(values: dict[str, Any], out: Path, scratch: Path, started_at: float) -> Measured:
    """The result of the probe of `values` (engine.workers.fit.probe), whose process began at `started_at` (monotonic).

    Raises WorkFailedError when the training could not begin, contract.Stopped when asked to stop.
    """
    with fit_memory.limited(values["device"]) as meter:
        probe = Probe(out, scratch, values, meter, started_at)
        search = Search(probe.recipe, probe.attempt, meter.budget, probe.has_time)
        with _ended_after(values["hard_seconds"], probe, search):
            search.run()
        return probe.result(search)


@dataclass
class Probe:
    """One probe. `rows` and `start_seconds` are known after the first steps."""

    out: Path
    scratch: Path
    values: dict[str, Any]
    meter: fit_memory.Meter
    started_at: float
    trial_count: int = 0
    rows: RowFacts | None = None
    first_before_bytes: int = 0
    start_seconds: float = 0.0
    trial_seconds: list[float] = field(default_factory=list)
    watch: "Watch | None" = None  # the steps under way

    @property
    def recipe(self) -> Recipe:
        return Recipe.model_validate(self.values["recipe"])

    def has_time(self) -> bool:
        """Whether another trial is likely to end in time."""
        seconds_left = self.started_at + self.values["seconds"] - time.monotonic()
        return seconds_left > (self.trial_seconds[-1] if self.trial_seconds else 0)

    def attempt(self, recipe: Recipe) -> Trial:
        """Real steps of that recipe. Memory that runs out is an answer; any other failure ends the probe."""
        self.trial_count += 1
        trial_started = time.monotonic()
        self._report(0)
        if self.trial_count > 1:
            self.watch = None  # it holds the model of the trial before
            self.meter.reset()
        try:
            return self._measure(recipe, trial_started)
        except (RuntimeError, MemoryError, contract.WorkFailedError) as error:
            if not fit_memory.ran_out(error):
                raise
            return self._does_not_fit(recipe)
        finally:
            self.trial_seconds.append(time.monotonic() - trial_started)

    def _does_not_fit(self, recipe: Recipe) -> Trial:
        checkpointing = recipe.gradient_checkpointing
        return Trial(
            batch=recipe.per_device_train_batch_size,
            gradient_checkpointing=bool(checkpointing),
            automatic=checkpointing is None,
            max_length=recipe.max_length,
            fits=False,
            peak_bytes=self.meter.peak(),
        )

    def _measure(self, recipe: Recipe, trial_started: float) -> Trial:
        spec = self._spec(recipe)
        trainer = self._trainer(spec)
        self.watch = watch = Watch(self, recipe, trainer, spec.recipe.gradient_accumulation_steps)
        trainer.add_callback(watch)
        if self.trial_count == 1:
            self.start_seconds, self.first_before_bytes = time.monotonic() - self.started_at, watch.before
        trainer.train()
        return watch.trial()

    def _spec(self, recipe: Recipe) -> Spec:
        """The training's own, shortened: the longest rows first, then some as they usually are."""
        is_generating = recipe.method in methods.GENERATING
        accumulation_steps = (
            recipe.gradient_accumulation_steps
            if is_generating
            else min(MOST_ACCUMULATED, recipe.gradient_accumulation_steps)
        )
        steps = fit_rows.STEPS + (0 if is_generating or recipe.packing else fit_rows.usual_steps(self.values["device"]))
        shortened = ALONE | {
            "max_steps": steps,
            "gradient_accumulation_steps": accumulation_steps,
            "train_sampling_strategy": "sequential",
            "eval_fraction": 0.0,
        }
        spec = Spec.read(self.values | {"recipe": recipe.model_dump() | shortened, "held_out_path": None})
        return replace(spec, dataset_path=fit_rows.sample(spec.dataset_path, self.scratch))

    def _trainer(self, spec: Spec) -> Any:
        """As engine.workers.train.training makes it, on the chosen rows."""
        sampled = spec.dataset_path.parent == self.scratch

        def choose(rows: training.Rows) -> training.Rows:
            self.rows = self.rows or fit_rows.facts(rows, sampled)
            usual_length = fit_rows.usual_length(self.recipe)  # of the training; the probe's own is sequential
            usual_steps = fit_rows.usual_steps(spec.device)
            return replace(
                rows, train=fit_rows.chosen(rows.train, spec.recipe, usual_length, usual_steps), held_out=None
            )

        return training.make(spec, FAMILIES[spec.recipe.method], self.scratch, choose).trainer

    def _report(self, step: int) -> None:
        done = min(self.trial_count - 1 + step / (fit_rows.STEPS + 1), EXPECTED_TRIALS - 0.1)
        stage = "measuring the recipe" if self.trial_count == 1 else f"trying other batches, {self.trial_count - 1}"
        events.append(self.out, events.Progress(done=done, total=EXPECTED_TRIALS, stage=stage))

    def step_done(self, step: int) -> None:
        """Tells the studio; raises contract.Stopped when it asked for the end."""
        self._report(step)
        if contract.stop_requested(self.out):
            raise contract.Stopped()

    def result(self, search: Search) -> Measured:
        return Measured(
            device=self.meter.name,
            available_bytes=self.meter.budget,
            start_seconds=round(self.start_seconds, 1),
            rows=self.rows or RowFacts(looked_at=0, kept=0, mean_tokens=0, longest_tokens=0),
            trials=search.trials,
            largest=search.largest,
            suggestion=search.suggestion,
        )


class Watch(TrainerCallback):
    """The seconds and tokens of each step, of a training that saves and evaluates nothing."""

    def __init__(self, probe: Probe, recipe: Recipe, trainer: Any, accumulation_steps: int) -> None:
        self.probe, self.recipe, self.trainer, self.accumulation_steps = probe, recipe, trainer, accumulation_steps
        self.before, self.loading = probe.meter.now(), probe.meter.peak()
        self.seconds: list[float] = []
        self.tokens: list[float] = [0.0]
        self._step_started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.probe.meter.wait()
        self._step_started = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: Any, control: TrainerControl, **_: Any) -> TrainerControl:
        self.probe.meter.wait()
        self.seconds.append(time.monotonic() - self._step_started)
        self.probe.step_done(state.global_step)
        control.should_save = control.should_evaluate = False
        control.should_log = True
        return control

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        if logs and "num_tokens" in logs and "loss" in logs:
            self.tokens.append(float(logs["num_tokens"]))

    def trial(self) -> Trial:
        """What the steps done so far say. One at least; the first warms up, so the second counts where there is one."""
        second = min(1, len(self.seconds) - 1)
        step_tokens = numpy.diff(self.tokens)
        left_over = max(0, self.before - self.probe.first_before_bytes)  # of earlier trials; a training has none
        peak = self.probe.meter.peak()
        return Trial(
            batch=self.recipe.per_device_train_batch_size,
            gradient_checkpointing=bool(self.trainer.args.gradient_checkpointing),
            automatic=self.recipe.gradient_checkpointing is None,
            max_length=self.recipe.max_length,
            fits=peak <= self.probe.meter.budget,
            peak_bytes=max(self.loading, peak) - left_over,
            before_bytes=self.before - left_over,
            tokens_per_second=float(step_tokens[second] / self.seconds[second]) if len(step_tokens) > second else 0.0,
            seconds_a_batch=self.seconds[second] / self.accumulation_steps,
            usual_seconds_a_batch=self.seconds[-1] / self.accumulation_steps,
        )


@contextmanager
def _ended_after(seconds: float, probe: Probe, search: Search) -> Iterator[None]:
    """Ends the process after so long, even inside a step that never comes back: with what is known, or why not."""
    timer = threading.Timer(max(0.1, seconds), _end, [probe, search])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(probe: Probe, search: Search) -> None:
    if not search.trials and probe.watch is not None and probe.watch.seconds:
        search.trials.append(probe.watch.trial())  # a step is better than nothing
    has_trials = bool(search.trials)
    events.append(
        probe.out, events.Finished(result=probe.result(search).model_dump()) if has_trials else _took_too_long(probe)
    )
    shutil.rmtree(probe.scratch, ignore_errors=True)
    os._exit(0 if has_trials else 1)


def _took_too_long(probe: Probe) -> events.Failed:
    hint = "Probe shorter rows (max_length) or a smaller batch, or start the training and watch its first steps."
    message = f"A first step took longer than {probe.values['hard_seconds']:.0f} seconds, so the probe was ended."
    return events.Failed(category="config", message=message, hint=hint)
