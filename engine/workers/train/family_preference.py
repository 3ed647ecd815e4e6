"""DPO, ORPO, KTO, SimPO, CPO and reward models: rows, trainer and model of each. See engine.workers.train.training."""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase, set_seed
from trl import DPOConfig, KTOConfig, RewardConfig
from trl.experimental.cpo import CPOConfig
from trl.experimental.orpo import ORPOConfig
from trl.trainer.reward_trainer import suppress_seqcls_warning

from engine.process import events
from engine.recipes import methods
from engine.recipes.recipe import Recipe
from engine.workers import group
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import judged_rows
from engine.workers.tokens.row_texts import Source
from engine.workers.train import compute, training
from engine.workers.train.evaluation import held_out
from engine.workers.train.reporting import LossWatch
from engine.workers.train.training import Rows, Spec
from engine.workers.trainers import judged_batches
from engine.workers.trainers.fast_sft import allows_fast_loss, without_adapter
from engine.workers.trainers.preference import (
    ContrastTrainer,
    FusedTrainer,
    LabelTrainer,
    OddsTrainer,
    PairTrainer,
    ScoreTrainer,
)
from engine.workers.trainers.row_order import RowOrder
from engine.workers.trainers.rows import lengths
from engine.workers.tuning import adapters
from engine.workers.tuning import model as training_model
from engine.workers.tuning.model import Base


def train(values: dict[str, Any], out: Path) -> dict[str, Any]:
    """As training.train, by the recipe's method."""
    return training.train(values, out, FAMILY)


def _load(recipe: Recipe, model_path: Path, device: str, tokenizer: PreTrainedTokenizerBase) -> Base:
    if recipe.method != "reward":
        return training_model.load(recipe, model_path, device, tokenizer)
    set_seed(recipe.seed)  # the head is new
    with suppress_seqcls_warning():
        base = training_model.load(recipe, model_path, device, tokenizer, _Scorer)
    if not isinstance(getattr(base.model, "score", None), torch.nn.Module):
        raise WorkFailedError("config", "This architecture has no head that scores.", "Choose another model.")
    base.model.score.float()  # it is trained as a whole, in steps smaller than what bfloat16 can tell apart
    return base


class _Scorer:
    """A model with one number as its answer."""

    @staticmethod
    def from_pretrained(path: Path, **options: Any) -> Any:
        options["config"].num_labels = 1
        return AutoModelForSequenceClassification.from_pretrained(path, **options)


def _rows(spec: Spec, base: Base, out: Path) -> Rows:
    recipe = spec.recipe
    source = Source(spec.dataset_path, spec.dataset_kind, base.longest(recipe), answers_only=True)
    selection = judged_rows.Selection(source, whole=recipe.method == "reward")  # a score is read at the end
    all_rows, counts = judged_rows.prepare(base.tokenizer, selection, out)
    for note in judged_rows.notes(counts, selection):
        events.append(out, note)
    learnt, evaluated = held_out.split(all_rows, spec, out)
    if recipe.method == "kto":
        for warning in _balance(learnt["label"], recipe):
            events.append(out, events.Note(level="warning", message=warning))
        learnt = learnt.select(_order(learnt, spec))
        learnt, evaluated = _with_mismatched(learnt, spec, base), _with_mismatched(evaluated, spec, base)
    return Rows(learnt, evaluated, counts)


def _order(rows: Dataset, spec: Spec) -> Any:
    """KTO compares the rows of a batch, so batches are made once; TRL keeps their order too."""
    recipe = spec.recipe
    return RowOrder(recipe.train_sampling_strategy, lengths(rows).tolist(), spec.rows_a_step, recipe.seed).indices()


def _with_mismatched(rows: Dataset | None, spec: Spec, base: Base) -> Any:
    if rows is None or spec.recipe.loss_type == "apo_zero_unpaired":
        return rows
    size = spec.recipe.per_device_train_batch_size
    return rows.map(judged_batches.mismatched(base.longest(spec.recipe)), batched=True, batch_size=size)


def _balance(labels: list[bool], recipe: Recipe) -> list[str]:
    """Words about good and bad answers that count very differently (equation 8 of arXiv:2402.01306)."""
    good, bad = sum(labels), len(labels) - sum(labels)
    if not good or not bad:
        return [f"All {len(labels):,} rows are marked {'good' if good else 'bad'}: KTO needs both kinds."]
    ratio = good * recipe.desirable_weight / (bad * recipe.undesirable_weight)
    if 0.75 <= ratio <= 4 / 3 + 0.01:
        return []
    remedy = (
        f"desirable_weight {bad * recipe.undesirable_weight / good:.2g}"
        if ratio < 1
        else f"undesirable_weight {good * recipe.desirable_weight / bad:.2g}"
    )
    return [f"There are {good:,} good and {bad:,} bad answers; {remedy} would let both count the same."]


def _trainer(spec: Spec, base: Base, rows: Rows, out: Path) -> Any:
    recipe = spec.recipe
    longest = int(lengths(rows.train).max())
    shared = training.shared_arguments(spec, base, out, rows.held_out is not None, longest)
    shared["remove_unused_columns"] = False
    make_trainer = MAKERS[recipe.method]
    trainer = make_trainer(spec, base, rows, shared)
    strategy = "sequential" if recipe.method == "kto" else recipe.train_sampling_strategy
    trainer.order_rows(strategy, lengths(rows.train))
    trainer.watch = LossWatch(trainer.model, recipe.learning_rate)
    if isinstance(trainer, FusedTrainer):
        trainer.make_fast()
    return trainer


def _trainer_arguments(spec: Spec, base: Base, rows: Rows, batches: Any = None) -> dict[str, Any]:
    """What every trainer takes."""
    return {
        "model": base.model,
        "processing_class": base.tokenizer,
        "train_dataset": rows.train,
        "eval_dataset": rows.held_out,
        "peft_config": adapters.adapter(spec.recipe, base.model, base.new_tokens),
        "data_collator": batches and batches(base.tokenizer.pad_token_id),
    }


def _beta(recipe: Recipe) -> float | None:
    return methods.METHODS[recipe.method].beta if recipe.beta is None else recipe.beta


def _loss(recipe: Recipe) -> str:
    return recipe.loss_type or methods.METHODS[recipe.method].loss_types[0]


def _precomputes_reference(spec: Spec, rows: Rows) -> bool:
    """Whether the reference is asked about all rows before the training: worth it when they are seen again."""
    recipe = spec.recipe
    if recipe.precompute_ref_log_probs is not None:
        return recipe.precompute_ref_log_probs
    if spec.strategy.spread.divides_weights:
        return False  # the model is divided only when the training begins, and fits no device before
    rows_seen = (
        recipe.max_steps * spec.rows_a_step if recipe.max_steps > 0 else recipe.num_train_epochs * len(rows.train)
    )
    return rows_seen > len(rows.train)


def _dpo(spec: Spec, base: Base, rows: Rows, shared: dict[str, Any]) -> PairTrainer:
    recipe = spec.recipe
    arguments = DPOConfig(
        **shared,
        beta=_beta(recipe),
        loss_type=[_loss(recipe)],
        label_smoothing=recipe.label_smoothing,
        precompute_ref_log_probs=_precomputes_reference(spec, rows),
        max_length=base.longest(recipe),
    )
    return PairTrainer(
        lean=compute.uses_own_layers(recipe),
        args=arguments,
        **_trainer_arguments(spec, base, rows, judged_batches.Pairs),
    )


def _kto(spec: Spec, base: Base, rows: Rows, shared: dict[str, Any]) -> LabelTrainer:
    recipe = spec.recipe
    arguments = KTOConfig(
        **shared,
        beta=_beta(recipe),
        loss_type=_loss(recipe),
        desirable_weight=recipe.desirable_weight,
        undesirable_weight=recipe.undesirable_weight,
        precompute_ref_log_probs=_precomputes_reference(spec, rows),
        max_length=base.longest(recipe),
    )
    return LabelTrainer(
        lean=compute.uses_own_layers(recipe),
        args=arguments,
        **_trainer_arguments(spec, base, rows, judged_batches.Labelled),
    )


def _orpo(spec: Spec, base: Base, rows: Rows, shared: dict[str, Any]) -> Any:
    recipe = spec.recipe
    arguments = ORPOConfig(**shared, beta=_beta(recipe), max_length=base.longest(recipe))
    return _both_sides(OddsTrainer, spec, base, rows, arguments)


def _cpo(spec: Spec, base: Base, rows: Rows, shared: dict[str, Any]) -> Any:
    recipe = spec.recipe
    simpo = recipe.method == "simpo"  # without imitation, as in arXiv:2405.14734
    arguments = CPOConfig(
        **shared,
        beta=_beta(recipe),
        loss_type="simpo" if simpo else _loss(recipe),
        cpo_alpha=0.0 if simpo else recipe.cpo_alpha,
        simpo_gamma=recipe.simpo_gamma,
        label_smoothing=recipe.label_smoothing,
        max_length=base.longest(recipe),
    )
    trainer = _both_sides(ContrastTrainer, spec, base, rows, arguments)
    trainer.averages = arguments.loss_type in ("simpo", "ipo")
    return trainer


def _both_sides(trainer_class: Any, spec: Spec, base: Base, rows: Rows, arguments: Any) -> Any:
    """These trainers would copy all rows three times to look for text in them, so they see one until they are made."""
    trainer_arguments = _trainer_arguments(spec, base, rows, judged_batches.Sides)
    samples = {
        name: trainer_arguments[name] and trainer_arguments[name].select([0])
        for name in ("train_dataset", "eval_dataset")
    }
    trainer = trainer_class(args=arguments, **{**trainer_arguments, **samples})
    trainer.train_dataset, trainer.eval_dataset = rows.train, rows.held_out
    trainer.use_dpo_data_collator = True  # ours gives what that one would
    alone = group.alone()  # TRL's own has the logits of every position, on any device
    with trainer.accelerator.autocast():  # on a 4-bit base TRL leaves float32 weights behind bfloat16 layers
        trainer.fast_loss = alone and allows_fast_loss(without_adapter(trainer.model))
    return trainer


def _reward(spec: Spec, base: Base, rows: Rows, shared: dict[str, Any]) -> ScoreTrainer:
    recipe = spec.recipe
    arguments = RewardConfig(
        **shared, max_length=base.longest(recipe), center_rewards_coefficient=recipe.center_rewards_coefficient
    )
    return ScoreTrainer(args=arguments, **_trainer_arguments(spec, base, rows))


MAKERS = {"dpo": _dpo, "kto": _kto, "orpo": _orpo, "simpo": _cpo, "cpo": _cpo, "reward": _reward}
FAMILY = training.Family(_rows, _trainer, _load)
