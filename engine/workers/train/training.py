"""One training: rows, model, trainer, and a checked result. What all methods share, and what supervised ones add."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl import SFTConfig

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.recipes.trainer_fields import PASSED_THROUGH
from engine.weights import checkpoints
from engine.workers import contract, group, ranks
from engine.workers.tokens import training_rows
from engine.workers.train import artifact, checkpointing, compute, gathered_weights, peak_memory, strategy
from engine.workers.train.answering import sampling
from engine.workers.train.curve_watch import CurveWatch
from engine.workers.train.evaluation import held_out
from engine.workers.train.evaluation.pace import EvaluationPace
from engine.workers.train.feeding import Feeding
from engine.workers.train.reporting import LossWatch, Reporter
from engine.workers.train.spec import Rows as Rows
from engine.workers.train.spec import Spec as Spec
from engine.workers.trainers import lean_lora, short_attention
from engine.workers.trainers.fast_sft import AnswersTrainer, add_labelled_sum, allows_fast_loss, without_adapter
from engine.workers.trainers.packed_rows import Packed, packed_or_not
from engine.workers.trainers.rows import learnt_tokens, lengths
from engine.workers.tuning import adapters, new_tokens, steps, tuning
from engine.workers.tuning import model as training_model
from engine.workers.tuning.start import begun_with


@dataclass(frozen=True)
class Family:
    """What methods of one kind add to the training they share: their rows, their trainer, their way to load a model."""

    rows: Callable[[Spec, training_model.Base, Path], Rows]
    trainer: Callable[[Spec, training_model.Base, Rows, Path], Any]
    load: Callable[[Recipe, Path, str, PreTrainedTokenizerBase], training_model.Base] = training_model.load


def train(values: dict[str, Any], out: Path, family: Family | None = None) -> dict[str, Any]:
    """Does the training that `values` (spec.json) describes; returns the result for `Finished`.

    Raises contract.Stopped when asked to stop, and WorkFailedError when it knows why it cannot go on.
    """
    spec, family = Spec.read(values), family or SUPERVISED
    group.begin(spec.device)
    resume_from = _proven(spec, out)
    made = make(spec, family, out)
    trainer, base, rows = made.trainer, made.base, made.rows
    keeper = checkpointing.Checkpoints(out, checkpointing.Rules.of(spec.recipe))
    trainer.add_callback(keeper)
    trainer.add_callback(CurveWatch(out, spec.recipe, keeper))
    trainer.add_callback(pace := EvaluationPace(out, spec, trainer))
    feeding = Feeding(trainer, len(rows.train), spec.rows_a_step)
    trainer.add_callback(feeding)
    trainer.add_callback(Reporter(out, spec.attempt, _facts(made, spec, out), trainer.count_from, feeding))
    if answers := sampling.callback(out, spec, trainer, base, pace):
        trainer.add_callback(answers)
    _stop_if_asked(out)
    loss = checkpointing.train(trainer, resume_from)
    if answers and not keeper.terminated:
        answers.finish(trainer.state.global_step)
    tuning.settle(trainer)
    result = {
        "steps": trainer.state.global_step,
        "train_loss": loss,
        "peak_memory_bytes": peak_memory.peak_bytes(spec.device),
    }
    unfinished = trainer.state.global_step < trainer.state.max_steps
    if keeper.terminated and unfinished:
        raise SystemExit(143)  # as if the signal had ended it, but with a checkpoint of the last step
    if keeper.stopped and unfinished:
        raise contract.Stopped(result)
    events.append(out, events.Progress(done=1, total=1, stage="saving"))
    result |= checkpointing.restore_best(trainer, keeper)
    return {"artifact": _save(spec, family, trainer, base, rows, out), **result}


def _save(spec: Spec, family: Family, trainer: Any, base: training_model.Base, rows: Rows, out: Path) -> str:
    """Saves and checks the result in the first process, while the others wait. Returns adapter or model."""

    def load_fresh(folder: Path | None) -> Any:
        recipe = spec.recipe.model_copy(update={"bf16": base.bf16})
        return family.load(recipe, folder or spec.model_path, "cpu", base.tokenizer).model

    model = gathered_weights.trained(trainer, spec.strategy, load_fresh, out)
    name = "adapter"
    if model is not None:
        trained = artifact.Trained(model, base.tokenizer, spec.recipe, rows.example, base.bf16, base.stored_dtype)
        name = artifact.save(trained, out)
    group.wait()
    return name


@dataclass(frozen=True)
class Made:
    """A training, ready to begin."""

    trainer: Any
    base: training_model.Base
    rows: Rows


def make(spec: Spec, family: Family, out: Path, choose: Callable[[Rows], Rows] = lambda rows: rows) -> Made:
    """Model, rows and trainer as the recipe wants them; what is in force is what was asked. `choose`: among the rows.

    Raises WorkFailedError when that cannot be.
    """
    tokenizer = training_model.load_tokenizer(spec.model_path)
    base = family.load(spec.recipe, spec.model_path, spec.device, tokenizer)
    compute.choose_attention(base.model, spec.recipe, spec.device, base.bf16)
    rows = choose(group.in_turn(lambda: family.rows(spec, base, out)))
    base = new_tokens.fitted(base, spec.recipe, rows.all, spec.adapter_path, out)
    base = begun_with(base, spec.adapter_path)
    if compute.uses_own_layers(spec.recipe):
        short_attention.enable()
    trainer = family.trainer(spec, base, rows, out)
    trainer.remove_callback(PrinterCallback)  # it prints dicts of Python into the log
    tuning.prepare(trainer, spec.recipe, spec.model_path, out)
    strategy.check(spec.strategy, trainer.accelerator)
    trainer.add_callback(strategy.StrategyCheck(spec.strategy, trainer))
    if spec.recipe.torch_compile:
        compute.compile_decoder(without_adapter(trainer.model))
    if compute.uses_own_layers(spec.recipe):
        lean_lora.enable(trainer.model)
    return Made(trainer, base, rows)


def _proven(spec: Spec, out: Path) -> Path | None:
    """The checkpoint to resume from, verified by the first process. Of its own ones an older one where it is damaged.

    None to begin from the start. Raises WorkFailedError for a damaged checkpoint of another run.
    """
    asked, step = spec.resume_from, -1
    if asked is not None and asked.parent != checkpoints.folder_of(out):
        if ranks.first() and not checkpoints.matches_manifest(asked):
            message = f"The checkpoint {asked.name} is incomplete or damaged."
            raise contract.WorkFailedError("data", message, "Resume from another checkpoint.")
        return asked
    if ranks.first():
        checkpoints.put_aside_partial(out)
        step = _newest_good(out, checkpoints.step_of(asked)) if asked else -1
    step = group.told_by_first(step)
    return checkpoints.folder_of(out) / f"checkpoint-{step}" if step >= 0 else None


def _newest_good(out: Path, step: int) -> int:
    """The step of the newest checkpoint of at most `step` that verifies, -1 for none. Says so when it is an older."""
    good = checkpoints.newest_good_up_to(out, step)
    newest_step = checkpoints.step_of(good) if good else -1
    if newest_step < step:
        course = f"continues from step {newest_step}" if good else "starts again from the beginning"
        message = f"The checkpoint of step {step} is damaged and was put aside, so the training {course}."
        events.append(out, events.Note(level="warning", message=message))
    return newest_step


def _stop_if_asked(out: Path) -> None:
    if group.agree(contract.stop_requested(out))[0]:
        raise contract.Stopped({"steps": 0})


def _rows(spec: Spec, base: training_model.Base, out: Path) -> Rows:
    recipe = spec.recipe
    learns_answers = recipe.assistant_only_loss and recipe.method == "sft"
    source = training_rows.Source(spec.dataset_path, spec.dataset_kind, base.longest(recipe), learns_answers)
    all_rows, counts = training_rows.prepare(base.tokenizer, source, out)
    for note in training_rows.notes(counts, source):
        events.append(out, note)
    return Rows(*held_out.split(all_rows, spec, out), counts)


def _trainer(spec: Spec, base: training_model.Base, rows: Rows, out: Path) -> AnswersTrainer:
    recipe = spec.recipe
    learnt, packed = packed_or_not(rows.train, base.model, recipe, base.longest(recipe))
    for note in packed.notes:
        events.append(out, events.Note(level="warning", message=note))
    trainer = AnswersTrainer(
        model=base.model,
        processing_class=base.tokenizer,
        args=_arguments(spec, base, out, rows),
        train_dataset=learnt,
        eval_dataset=rows.held_out,
        data_collator=Packed(base.tokenizer.pad_token_id, packed.flat) if packed.done else None,
        peft_config=adapters.adapter(recipe, base.model, base.new_tokens),
    )
    trainer.order_rows(recipe.train_sampling_strategy, lengths(learnt))
    with trainer.accelerator.autocast():
        as_one = group.alone() or recipe.strategy == "ddp"
        by_layers = as_one and not adapters.puts_tokens_before(trainer.model)
        trainer.fast_loss = by_layers and allows_fast_loss(without_adapter(trainer.model))
    if trainer.fast_loss and not group.alone():
        add_labelled_sum(without_adapter(trainer.model))
    trainer.packed = packed.done
    if recipe.train_sampling_strategy == "group_by_length" and not packed.done:
        trainer.usual_labels = learnt_tokens(rows.train) * spec.rows_a_step
    trainer.watch = LossWatch(trainer.model, recipe.learning_rate)
    return trainer


def _arguments(spec: Spec, base: training_model.Base, out: Path, rows: Rows) -> SFTConfig:
    longest = base.longest(spec.recipe) if spec.recipe.packing else int(lengths(rows.train).max())
    return SFTConfig(
        **shared_arguments(spec, base, out, rows.held_out is not None, longest),
        max_length=base.longest(spec.recipe),
        dataset_kwargs={"skip_prepare_dataset": True},  # rows come tokenised, cut and packed
    )


def shared_arguments(
    spec: Spec, base: training_model.Base, out: Path, evaluates: bool, longest: int | None = None
) -> dict[str, Any]:
    """What every trainer is told, whatever the method: transformers' TrainingArguments by name.

    `longest` are the tokens of the longest row; when nothing is known, as many as the recipe allows.
    """
    recipe = spec.recipe
    return {
        **recipe.model_dump(include=set(PASSED_THROUGH)),
        **strategy.arguments(recipe, spec.strategy_file, base.model),
        "output_dir": str(out / "checkpoints"),
        "use_cpu": spec.device == "cpu",
        "bf16": base.bf16,
        "gradient_checkpointing": compute.recomputes(recipe, spec.memory, longest or base.longest(recipe)),
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "use_liger_kernel": compute.liger(recipe, base.model, spec.device),
        "liger_kernel_config": compute.LAYERS_ALONE,
        "per_device_eval_batch_size": recipe.per_device_train_batch_size,
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": recipe.eval_steps or 1,  # until EvaluationPace knows how long the training is
        **steps.arguments(recipe),
        "save_strategy": "steps",
        "save_total_limit": None,  # Checkpoints forgets old ones, after the new one is sealed
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # it would hide what LossWatch looks for
        "dataloader_pin_memory": spec.device != "cpu",
        "disable_tqdm": True,
        "report_to": "none",
    }


PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")  # versions kept as facts


def _facts(made: Made, spec: Spec, out: Path) -> dict[str, Any]:
    """What a person may want to know about a run later."""
    trainer, base, rows = made.trainer, made.base, made.rows
    return {
        "device": spec.device if spec.device == "cpu" else torch.cuda.get_device_name(),
        "dtype": "bfloat16" if base.bf16 else "float32",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "trainable_parameters": tuning.trained_parameters(trainer.model),
        "total_parameters": trainer.model.num_parameters(),  # a 4-bit weight holds two
        "rows": len(rows.train),
        **held_out.facts(rows, out),
        "dropped_rows": rows.counts.dropped,
        "truncated_rows": rows.counts.truncated,
        "max_length": base.longest(spec.recipe),
        "fast_loss": trainer.fast_loss,
        "strategy": spec.recipe.strategy,
        "processes": spec.world_size,
        "packing": trainer.packed,
        **compute.in_force(without_adapter(trainer.model), trainer.args),
        "threads": torch.get_num_threads(),
        "memory_bytes": peak_memory.total_bytes(spec.device),
    }


SUPERVISED = Family(_rows, _trainer)
