"""Learning from a teacher: rows, teacher and trainer. See engine.workers.train.training."""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase
from trl.experimental.gkd import GKDConfig

from engine.process import events
from engine.recipes.methods import answered_share
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import training_rows
from engine.workers.tokens.row_tokens import prompt_tokens
from engine.workers.train import training
from engine.workers.train.evaluation import held_out
from engine.workers.train.reporting import LossWatch
from engine.workers.train.training import Rows, Spec
from engine.workers.trainers.distil import DistilBatches, DistilTrainer
from engine.workers.trainers.fast_sft import allows_fast_loss, without_adapter
from engine.workers.trainers.rows import lengths
from engine.workers.tuning import adapters
from engine.workers.tuning import model as training_model
from engine.workers.tuning.model import Base


def train(values: dict[str, Any], out: Path) -> dict[str, Any]:
    """As training.train, from a teacher."""
    return training.train(values, out, FAMILY)


def _rows(spec: Spec, base: Base, out: Path) -> Rows:
    max_length = base.longest(spec.recipe)
    source = training_rows.Source(spec.dataset_path, spec.dataset_kind, max_length, answers_only=True)
    all_rows, counts = training_rows.prepare(base.tokenizer, source, out)
    for note in training_rows.notes(counts, source):
        events.append(out, note)
    if answered_share("gkd", spec.recipe.lmbda, spec.recipe.seq_kd):
        all_rows = _with_short_prompts(all_rows, max_length - spec.recipe.max_completion_length, out)
    return Rows(*held_out.split(all_rows, spec, out), counts)


def _with_short_prompts(rows: Dataset, max_prompt_tokens: int, out: Path) -> Dataset:
    """The rows whose prompt leaves room for an answer of max_completion_length."""
    labels = (row["labels"] for row in rows.select_columns("labels"))
    fits = [number for number, row_labels in enumerate(labels) if 0 < prompt_tokens(row_labels) <= max_prompt_tokens]
    if not fits:
        hint = "Raise max_length, lower max_completion_length, or set lmbda to 0 and leave seq_kd off."
        raise WorkFailedError(
            "data", f"No prompt fits into the {max_prompt_tokens} tokens that an answer leaves.", hint
        )
    if left_out := len(rows) - len(fits):
        message = f"{left_out:,} rows have no prompt, or one of more than {max_prompt_tokens} tokens, and are left out."
        events.append(out, events.Note(level="warning", message=message))
        return rows.select(fits)
    return rows


def _teacher(spec: Spec, base: Base) -> PreTrainedModel | PeftModel:
    """The teacher in the precision that is computed in. Raises WorkFailedError when it is not there or does not fit."""
    if not spec.companion:
        raise WorkFailedError("config", "No teacher was given.", "Choose one in teacher_id.")
    path, adapter = Path(str(spec.companion["path"])), spec.companion["adapter"]
    tokenizer = training_model.load_tokenizer(Path(adapter) if adapter else path)
    _check_vocabulary(base.tokenizer, tokenizer)
    try:
        dtype = torch.bfloat16 if base.bf16 else torch.float32
        model = networks.load(AutoModelForCausalLM, path, dtype=dtype)
        if adapter:
            networks.enlarge(model, networks.adapter_rows(model, Path(adapter)))
            model = PeftModel.from_pretrained(model, adapter, is_trainable=False, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        hint = "Fetch it again on the Models page, or choose another teacher_id."
        raise WorkFailedError("config", f"The teacher cannot be loaded: {error}"[:800], hint) from error
    return model.eval().requires_grad_(False)


def _check_vocabulary(student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase) -> None:
    student_vocabulary, teacher_vocabulary = student.get_vocab(), teacher.get_vocab()
    if student_vocabulary == teacher_vocabulary:
        return
    difference = next(iter(dict(student_vocabulary.items() ^ teacher_vocabulary.items())))
    message = f"The teacher has another vocabulary: {difference!r:.40} is not the same token in both."
    raise WorkFailedError("config", message, "Choose a teacher of the same model family in teacher_id.")


def _trainer(spec: Spec, base: Base, rows: Rows, out: Path) -> DistilTrainer:
    recipe = spec.recipe
    teacher = _teacher(spec, base)
    config, teacher_config = base.model.config.get_text_config(), without_adapter(teacher).config.get_text_config()
    # TRL compares what may only be padding.
    teacher_vocab_size, teacher_config.vocab_size = teacher_config.vocab_size, config.vocab_size
    trainer = DistilTrainer(
        model=base.model,
        teacher_model=teacher,
        processing_class=base.tokenizer,
        args=_arguments(spec, base, out, rows),
        data_collator=DistilBatches(base.tokenizer.pad_token_id),
        train_dataset=rows.train,
        eval_dataset=rows.held_out,
        peft_config=adapters.adapter(recipe, base.model, base.new_tokens),
    )
    teacher_config.vocab_size = teacher_vocab_size
    trainer.share(min(config.vocab_size, teacher_vocab_size))
    trainer.order_rows(recipe.train_sampling_strategy, lengths(rows.train))
    with trainer.accelerator.autocast():
        are_fast = all(allows_fast_loss(without_adapter(model)) for model in (trainer.model, teacher))
        trainer.fast_loss = trainer.accelerator.num_processes == 1 and are_fast
    trainer.watch = LossWatch(trainer.model, recipe.learning_rate)
    return trainer


def _arguments(spec: Spec, base: Base, out: Path, rows: Rows) -> GKDConfig:
    recipe = spec.recipe
    return GKDConfig(
        **training.shared_arguments(spec, base, out, rows.held_out is not None),
        max_length=base.longest(recipe),
        beta=recipe.gkd_beta,
        lmbda=recipe.lmbda,
        seq_kd=recipe.seq_kd,
        temperature=recipe.temperature,
        max_new_tokens=recipe.max_completion_length,
        disable_dropout=not recipe.lora_dropout,
    )


FAMILY = training.Family(_rows, _trainer)
