"""Losses and gradients of our trainers are TRL's own, on the same tokens, for every loss that is offered."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from engine.workers.trainers import judged_batches
from engine.workers.trainers.fast_sft import allows_fast_loss, without_adapter
from engine.workers.trainers.preference import ContrastTrainer, LabelTrainer, OddsTrainer, PairTrainer
from engine.workers.trainers.rows import lengths
from tests.workers.trainers.families import ALONE, FAMILIES

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


BATCH = 3


def ids(generator: torch.Generator, count: int) -> Any:
    return torch.randint(3, 300, (count,), generator=generator).tolist()


def rows(kind: str, count: int = 12) -> tuple[Dataset, Dataset]:
    """Random tokens as our trainers take them, and the same as TRL's do."""
    generator = torch.Generator().manual_seed(0)
    ours, stock = [], []
    for number in range(count):
        prompt = ids(generator, 3 + number % 4)
        first, second = ids(generator, 2 + number % 5), ids(generator, 3 + number % 3)
        prompt_labels = [-100] * len(prompt)
        if kind == "unpaired":
            label = number % 3 != 0
            ours.append({"input_ids": prompt + first, "labels": prompt_labels + first, "label": label})
            stock.append({"prompt_ids": prompt, "completion_ids": first, "label": label})
        else:
            pair = {"chosen_ids": prompt + first, "rejected_ids": prompt + second}
            ours.append({**pair, "chosen_labels": prompt_labels + first, "rejected_labels": prompt_labels + second})
            stock.append({"prompt_ids": prompt, "chosen_ids": first, "rejected_ids": second})
    return Dataset.from_list(ours), Dataset.from_list(stock)


class StockPairs(DPOTrainer):  # type: ignore[misc]
    """TRL's, for rows that are tokens already."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class StockLabels(KTOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        answers = dataset["completion_ids"]
        mismatched = [
            answers[number - 1] if number % BATCH else answers[number + BATCH - 1] for number in range(len(answers))
        ]
        return dataset.add_column("KL_completion_ids", mismatched)


class StockOdds(ORPOTrainer):  # type: ignore[misc]
    def tokenize_row(self, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        return row


class StockContrast(CPOTrainer):  # type: ignore[misc]
    def tokenize_row(self, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        return row


def trained(trainer_class: Any, config: Any, dataset: Dataset, tokenizer: Any, collator: Any = None) -> Any:
    """A trainer on a small random Llama with an adapter that is not zero, so that the reference differs."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(FAMILIES["llama"]), dtype=torch.float32)
    return trainer_class(
        model=model,
        processing_class=tokenizer,
        args=config,
        train_dataset=dataset,
        eval_dataset=dataset.select(range(2 * BATCH)),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"),
        data_collator=collator,
    )


def config(config_class: Any, out: Path, **fields: Any) -> Any:
    return config_class(
        output_dir=str(out / "checkpoints"),
        max_steps=4,
        per_device_train_batch_size=BATCH,
        learning_rate=2e-2,
        eval_strategy="steps",
        eval_steps=4,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        max_length=64,
        **fields,
        **ALONE,
    )


def numbers(trainer: Any) -> list[float]:
    trainer.train()
    names = ("loss", "grad_norm", "eval_loss", "rewards/margins", "kl")
    return [entry[name] for entry in trainer.state.log_history for name in names if name in entry]


def in_order(trainer: Any, data: Dataset) -> Any:
    trainer.order_rows("sequential", lengths(data))
    return trainer


# All are computed by TRL from the log-probabilities that are ours; these are the ones that read them differently.
@pytest.mark.parametrize(("loss", "first"), [("sigmoid", False), ("sigmoid", True), ("ipo", True), ("robust", False)])
def test_dpo_is_trls(loss: str, first: bool, tokenizer: Any, tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "loss_type": [loss],
        "label_smoothing": 0.1 if loss in ("robust", "exo_pair") else 0.0,
        "beta": 0.3,
    }
    ours, stock = rows("preference")
    expected = numbers(trained(StockPairs, config(DPOConfig, tmp_path, **fields), stock, tokenizer))
    arguments = config(DPOConfig, tmp_path, precompute_ref_log_probs=first, **fields)
    trainer = in_order(trained(PairTrainer, arguments, ours, tokenizer, judged_batches.Pairs(0)), ours)
    trainer.make_fast()
    assert trainer.fast_loss
    assert numbers(trainer) == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("loss", "first"), [("kto", False), ("kto", True), ("apo_zero_unpaired", False)])
def test_kto_is_trls(loss: str, first: bool, tokenizer: Any, tmp_path: Path) -> None:
    fields = {"loss_type": loss, "beta": 0.3, "undesirable_weight": 2.0}
    ours, stock = rows("unpaired")
    if loss == "kto":
        ours = ours.map(judged_batches.mismatched(64), batched=True, batch_size=BATCH)
    expected = numbers(trained(StockLabels, config(KTOConfig, tmp_path, **fields), stock, tokenizer))
    arguments = config(KTOConfig, tmp_path, precompute_ref_log_probs=first, **fields)
    trainer = in_order(trained(LabelTrainer, arguments, ours, tokenizer, judged_batches.Labelled(0)), ours)
    trainer.make_fast()
    assert numbers(trainer) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def both(trainer_class: Any, arguments: Any, data: Dataset, tokenizer: Any) -> Any:
    return trained(trainer_class, arguments, data, tokenizer, judged_batches.Sides(0))


def test_orpo_is_trls(tokenizer: Any, tmp_path: Path) -> None:
    data, _ = rows("preference")
    arguments = config(ORPOConfig, tmp_path, beta=0.3)
    expected = numbers(both(StockOdds, arguments, data, tokenizer))
    trainer = in_order(both(OddsTrainer, arguments, data, tokenizer), data)
    trainer.fast_loss = allows_fast_loss(without_adapter(trainer.model))
    assert numbers(trainer) == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "simpo"])
def test_cpo_and_simpo_are_trls(loss: str, tokenizer: Any, tmp_path: Path) -> None:
    data, _ = rows("preference")
    arguments = config(CPOConfig, tmp_path, beta=0.3, loss_type=loss, cpo_alpha=0.0 if loss == "simpo" else 0.5)
    expected = numbers(both(StockContrast, arguments, data, tokenizer))
    trainer = in_order(both(ContrastTrainer, arguments, data, tokenizer), data)
    trainer.averages = loss in ("simpo", "ipo")
    trainer.fast_loss = allows_fast_loss(without_adapter(trainer.model))
    assert numbers(trainer) == pytest.approx(expected, rel=1e-3, abs=1e-4)
