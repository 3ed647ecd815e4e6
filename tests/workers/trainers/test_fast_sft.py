"""The fast loss is TRL's loss: same numbers, same gradients, on models of several families, and in a whole training."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset, concatenate_datasets
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from engine.process import events
from engine.workers.train import training
from engine.workers.trainers.fast_sft import AnswersTrainer, allows_fast_loss, without_adapter
from engine.workers.trainers.row_order import RowOrder
from engine.workers.trainers.rows import learnt_tokens, lengths
from tests.tiny import TEMPLATE
from tests.workers.train.training_runs import spec, steps, sums, write_rows
from tests.workers.trainers.families import ALONE, FAMILIES, LEFT_TO_TRL, random_model

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


def tokens(count: int = 24) -> Dataset:
    """Rows of random tokens; the first third of each is not learnt."""
    generator = torch.Generator().manual_seed(0)
    ids = [torch.randint(3, 300, (6 + 3 * (row % 7),), generator=generator).tolist() for row in range(count)]
    return Dataset.from_dict(
        {"input_ids": ids, "labels": [[-100] * (len(row_ids) // 3) + row_ids[len(row_ids) // 3 :] for row_ids in ids]}
    )


def losses(
    trainer_class: type[SFTTrainer], fast: bool, config: Any, tokenizer: Any, out: Path, lora: bool
) -> list[Any]:
    trainer = trainer_class(
        model=random_model(config),
        processing_class=tokenizer,
        args=SFTConfig(
            output_dir=str(out),
            max_steps=4,
            per_device_train_batch_size=3,
            gradient_accumulation_steps=2,
            learning_rate=1e-2,
            eval_strategy="steps",
            eval_steps=2,
            train_sampling_strategy="sequential",
            dataset_kwargs={"skip_prepare_dataset": True},
            **ALONE,
        ),
        train_dataset=tokens(),
        eval_dataset=tokens(7),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear") if lora else None,
    )
    if isinstance(trainer, AnswersTrainer):
        trainer.strategy = "sequential"
        trainer.fast_loss = fast and allows_fast_loss(without_adapter(trainer.model))
        assert trainer.fast_loss == fast
    trainer.train()
    names = ("loss", "grad_norm", "eval_loss", "num_tokens")
    return [entry[name] for entry in trainer.state.log_history for name in names if name in entry]


@pytest.mark.parametrize("lora", [True, False], ids=["lora", "full"])
@pytest.mark.parametrize("family", FAMILIES)
def test_losses_and_gradients_are_trls(family: str, lora: bool, tokenizer: Any, tmp_path: Path) -> None:
    stock = losses(SFTTrainer, False, FAMILIES[family], tokenizer, tmp_path, lora)
    fast = losses(AnswersTrainer, True, FAMILIES[family], tokenizer, tmp_path, lora)
    assert len(stock) == 4 * 3 + 2  # every step, and two evaluations
    assert fast == pytest.approx(stock, rel=2e-4)


@pytest.mark.parametrize("family", LEFT_TO_TRL)
def test_models_that_change_their_logits_are_left_to_trl(family: str, tokenizer: Any, tmp_path: Path) -> None:
    assert not allows_fast_loss(random_model(LEFT_TO_TRL[family]))


def test_trls_own_loss_still_trains_what_is_left_to_it(tokenizer: Any, tmp_path: Path) -> None:
    config = LEFT_TO_TRL["gemma2, soft-capped"]
    stock = losses(SFTTrainer, False, config, tokenizer, tmp_path, lora=True)
    assert losses(AnswersTrainer, False, config, tokenizer, tmp_path, lora=True) == pytest.approx(stock, rel=1e-5)


class Doubled(transformers.LlamaForCausalLM):  # type: ignore[misc]
    """Changes its logits in a way no configuration field tells."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = super().forward(*args, **kwargs)
        output.logits = output.logits * 2
        return output


def test_a_model_of_an_unknown_kind_is_found_out_by_trying_it() -> None:
    assert not allows_fast_loss(Doubled(FAMILIES["llama"]))


def test_lengths_are_read_for_whole_and_selected_rows() -> None:
    rows = tokens(5)
    assert lengths(rows).tolist() == [6, 9, 12, 15, 18]
    assert lengths(rows.select([4, 0])).tolist() == [18, 6]


@pytest.mark.parametrize("own_loss", [True, False], ids=["fast", "trl"])
def test_a_step_pulls_by_its_learnt_tokens_and_reports_the_mean(tokenizer: Any, tmp_path: Path, own_loss: bool) -> None:
    rows = tokens(6).select([0, 1, 5, 4])  # steps of two rows: short ones, then long ones
    measured: dict[float | None, list[tuple[float, float]]] = {}
    for usual in (None, 20.0):
        trainer = AnswersTrainer(
            model=random_model(FAMILIES["llama"]),
            processing_class=tokenizer,
            args=SFTConfig(
                output_dir=str(tmp_path),
                max_steps=2,
                per_device_train_batch_size=2,
                learning_rate=0.0,
                dataset_kwargs={"skip_prepare_dataset": True},
                **ALONE,
            ),
            train_dataset=rows,
        )
        trainer.strategy, trainer.fast_loss, trainer.usual_labels = "sequential", own_loss, usual
        trainer.train()
        logs = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
        measured[usual] = [(entry["loss"], entry["grad_norm"]) for entry in logs]
    learnt = [sum(label != -100 for row in rows.select(step)["labels"] for label in row) for step in ([0, 1], [2, 3])]
    for (loss, pull), (plain_loss, plain_pull), count in zip(measured[20.0], measured[None], learnt, strict=True):
        assert loss == pytest.approx(plain_loss, rel=1e-4)
        assert pull == pytest.approx(plain_pull * count / 20.0, rel=1e-4)


def test_learnt_tokens_of_a_row_are_counted_in_the_file() -> None:
    rows = tokens(5)
    assert learnt_tokens(rows) == sum(label != -100 for row in rows["labels"] for label in row) / 5
    batches = [rows.select([position]) for position in range(5)]
    chunked = concatenate_datasets(batches)
    every_other = [sum(label != -100 for label in rows["labels"][position]) for position in (0, 2, 4)]
    assert learnt_tokens(chunked, most=30) == sum(every_other) / 3  # sixty tokens in five chunks


class SameOrder(SFTTrainer):  # type: ignore[misc]
    """Stock TRL in the studio's order of rows."""

    order: str

    def _get_train_sampler(self, train_dataset: Any = None) -> RowOrder:
        rows = train_dataset if train_dataset is not None else self.train_dataset
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return RowOrder(self.order, [len(row) for row in rows["input_ids"]], size, self.args.seed)


# The tiny model's template with the markers TRL needs to find the answers.
MARKED = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("order", "bf16", "tolerance"),
    [("random", False, 2e-4), ("group_by_length", False, 2e-4), ("group_by_length", True, 2e-2)],
)
def test_a_training_by_the_studio_has_the_losses_of_stock_trl(
    tiny_model: Path, tmp_path: Path, order: str, bf16: bool, tolerance: float
) -> None:
    chats = sums(30)
    recipe: dict[str, Any] = {"max_steps": 8, "bf16": bf16, "learning_rate": 2e-3}
    values = spec(tiny_model, write_rows(tmp_path, "chat", chats), train_sampling_strategy=order, **recipe)
    training.train(values, tmp_path)
    ours = [metrics["loss"] for metrics in steps(events.read(tmp_path)[0]).values() if "loss" in metrics]

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert tokenizer.chat_template == TEMPLATE
    tokenizer.chat_template = MARKED
    trainer = SameOrder(
        model=AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16 if bf16 else torch.float32),
        processing_class=tokenizer,
        args=SFTConfig(
            output_dir=str(tmp_path / "stock"),
            assistant_only_loss=True,
            max_length=128,
            per_device_train_batch_size=4,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            gradient_checkpointing=False,
            seed=42,
            disable_tqdm=True,
            **recipe,
        ),
        train_dataset=Dataset.from_dict({"messages": chats}),
        peft_config=LoraConfig(
            task_type="CAUSAL_LM", r=4, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear"
        ),
    )
    trainer.order = order
    trainer.train()
    stock = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(stock) == 8
    assert stock[-1] < stock[0]  # it learns, so equal losses mean equal gradients too
    assert ours == pytest.approx(stock, rel=tolerance)
