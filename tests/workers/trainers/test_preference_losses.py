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
    pytest.mark.usefixtures("one_thread"),
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
        marks = [-100] * len(prompt)
        if kind == "unpaired":
            label = number % 3 != 0
            ours.append({"input_ids": prompt + first, "labels": marks + first, "label": label})
            stock.append({"prompt_ids": prompt, "completion_ids": first, "label": label})
        else:
            pair = {"chosen_ids": prompt + first, "rejected_ids": prompt + second}
            ours.append({**pair, "chosen_labels": marks + first, "rejected_labels": marks + second})
            stock.append({"prompt_ids": prompt, "chosen_ids": first, "rejected_ids": second})
    return Dataset.from_list(ours), Dataset.from_list(stock)


class StockPairs(DPOTrainer):  # type: ignore[misc]
    """TRL's, for rows that are tokens already."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class StockLabels(KTOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        answers = dataset["completion_ids"]
        turned = [answers[n - 1] if n % BATCH else answers[n + BATCH - 1] for n in range(len(answers))]
        return dataset.add_column("KL_completion_ids", turned)


class StockOdds(ORPOTrainer):  # type: ignore[misc]
    def tokenize_row(self, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        return row


class StockContrast(CPOTrainer):  # type: ignore[misc]
    def tokenize_row(self, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        return row


def trained(kind: Any, config: Any, data: Dataset, tokenizer: Any, collator: Any = None) -> Any:
    """A trainer on a small random Llama with an adapter that is not zero, so that the reference differs."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(FAMILIES["llama"]), dtype=torch.float32)
    return kind(
        model=model,
        processing_class=tokenizer,
        args=config,
        train_dataset=data,
        eval_dataset=data.select(range(2 * BATCH)),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"),
        data_collator=collator,
    )


def config(kind: Any, out: Path, **own: Any) -> Any:
    return kind(
        output_dir=str(out / "checkpoints"),
        max_steps=4,
        per_device_train_batch_size=BATCH,
        learning_rate=2e-2,
        eval_strategy="steps",
        eval_steps=4,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        max_length=64,
        **own,
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
    own: dict[str, Any] = {
        "loss_type": [loss],
        "label_smoothing": 0.1 if loss in ("robust", "exo_pair") else 0.0,
        "beta": 0.3,
    }
    ours, stock = rows("preference")
    wanted = numbers(trained(StockPairs, config(DPOConfig, tmp_path, **own), stock, tokenizer))
    made = config(DPOConfig, tmp_path, precompute_ref_log_probs=first, **own)
    trainer = in_order(trained(PairTrainer, made, ours, tokenizer, judged_batches.Pairs(0)), ours)
    trainer.make_fast()
    assert trainer.fast_loss
    assert numbers(trainer) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("loss", "first"), [("kto", False), ("kto", True), ("apo_zero_unpaired", False)])
def test_kto_is_trls(loss: str, first: bool, tokenizer: Any, tmp_path: Path) -> None:
    own = {"loss_type": loss, "beta": 0.3, "undesirable_weight": 2.0}
    ours, stock = rows("unpaired")
    if loss == "kto":
        ours = ours.map(judged_batches.mismatched(64), batched=True, batch_size=BATCH)
    wanted = numbers(trained(StockLabels, config(KTOConfig, tmp_path, **own), stock, tokenizer))
    made = config(KTOConfig, tmp_path, precompute_ref_log_probs=first, **own)
    trainer = in_order(trained(LabelTrainer, made, ours, tokenizer, judged_batches.Labelled(0)), ours)
    trainer.make_fast()
    assert numbers(trainer) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def both(kind: Any, own: Any, data: Dataset, tokenizer: Any) -> Any:
    return trained(kind, own, data, tokenizer, judged_batches.Sides(0))


def test_orpo_is_trls(tokenizer: Any, tmp_path: Path) -> None:
    data, _ = rows("preference")
    own = config(ORPOConfig, tmp_path, beta=0.3)
    wanted = numbers(both(StockOdds, own, data, tokenizer))
    trainer = in_order(both(OddsTrainer, own, data, tokenizer), data)
    trainer.fast_loss = allows_fast_loss(without_adapter(trainer.model))
    assert numbers(trainer) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "simpo"])
def test_cpo_and_simpo_are_trls(loss: str, tokenizer: Any, tmp_path: Path) -> None:
    data, _ = rows("preference")
    own = config(CPOConfig, tmp_path, beta=0.3, loss_type=loss, cpo_alpha=0.0 if loss == "simpo" else 0.5)
    wanted = numbers(both(StockContrast, own, data, tokenizer))
    trainer = in_order(both(ContrastTrainer, own, data, tokenizer), data)
    trainer.averages = loss in ("simpo", "ipo")
    trainer.fast_loss = allows_fast_loss(without_adapter(trainer.model))
    assert numbers(trainer) == pytest.approx(wanted, rel=1e-3, abs=1e-4)
