"""Packed rows learn what the same rows learn alone: same losses, same gradients, and no word of a neighbour."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from trl import SFTConfig

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.workers.train import training
from engine.workers.trainers.fast_sft import AnswersTrainer
from engine.workers.trainers.judged_batches import attention, padded
from engine.workers.trainers.packed_rows import Packed, isolates, pack, packed_or_not
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows
from tests.workers.trainers.families import FAMILIES, SHAPE, random_model

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

MORE_FAMILIES = {
    "mistral, sliding window": transformers.MistralConfig(**SHAPE, sliding_window=4),
    "gemma2, soft-capped": transformers.Gemma2Config(**SHAPE, head_dim=8),
    "gpt-neox": transformers.GPTNeoXConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    ),
}
MIXING = {
    "opt": transformers.OPTConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, word_embed_proj_dim=32
    ),
    "falcon": transformers.FalconConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4),
    "bloom": transformers.BloomConfig(vocab_size=300, hidden_size=32, n_layer=2, n_head=4),
    "mamba": transformers.MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2),
}
SIZES = (5, 9, 3, 7, 4, 2, 6)
LENGTH = 16  # tokens of a packed sequence


def rows() -> Dataset:
    """Random tokens. Of some rows all is learnt, the first token too, as in plain text; of others the end alone."""
    generator = torch.Generator().manual_seed(0)
    ids = [torch.randint(3, 300, (size,), generator=generator).tolist() for size in SIZES]
    silent = [0 if number % 2 else len(row) // 2 for number, row in enumerate(ids)]
    labels = [[-100] * count + row[count:] for count, row in zip(silent, ids, strict=True)]
    return Dataset.from_dict({"input_ids": ids, "labels": labels})


def alone(data: Dataset) -> dict[str, torch.Tensor]:
    """The rows as an ordinary batch."""
    ids = list(data["input_ids"])
    return {"input_ids": padded(ids, 0), "attention_mask": attention(ids), "labels": padded(data["labels"], -100)}


def still(model: PreTrainedModel) -> PreTrainedModel:
    """Without dropout, which GPT-2 has of its own."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def trainer(model: PreTrainedModel, folder: Path, tiny: Path, fast: bool) -> AnswersTrainer:
    trainer = AnswersTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(tiny),
        args=SFTConfig(
            output_dir=str(folder),
            use_cpu=True,
            bf16=False,
            report_to="none",
            gradient_checkpointing=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=rows(),
    )
    trainer.fast_loss = fast
    return trainer


def learnt(trainer: AnswersTrainer, batch: dict[str, torch.Tensor]) -> tuple[float, torch.Tensor, float]:
    """The loss of a batch, the gradient of the embeddings, and the tokens that were counted."""
    trainer.model.zero_grad()
    trainer._total_train_tokens = 0
    loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=30)
    loss.backward()
    gradient = trainer.model.get_input_embeddings().weight.grad
    assert gradient is not None
    return float(loss), gradient.clone(), trainer._total_train_tokens


ATTENTIONS = [(family, attn) for family in (*FAMILIES, *MORE_FAMILIES) for attn in ("sdpa", "eager")]


# Soft-capped attention is there as eager only.
@pytest.mark.parametrize(("family", "attn"), [case for case in ATTENTIONS if case != ("gemma2, soft-capped", "sdpa")])
def test_a_packed_row_is_learnt_as_it_is_alone(family: str, attn: str, tiny_model: Path, tmp_path: Path) -> None:
    model = still(random_model({**FAMILIES, **MORE_FAMILIES}[family]))
    model.set_attn_implementation(attn)
    assert isolates(model)
    packed = pack(rows(), LENGTH, seed=0)
    assert len(packed) < len(SIZES)
    assert sorted(size for sizes in packed["seq_lengths"] for size in sizes) == sorted(SIZES)
    answers_trainer = trainer(model, tmp_path, tiny_model, fast="gemma2" not in family)
    loss, gradient, tokens = learnt(answers_trainer, alone(rows()))
    packed_loss, packed_gradient, packed_tokens = learnt(answers_trainer, Packed(0, flat=False)(list(packed)))
    assert packed_loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(packed_gradient, gradient, rtol=1e-3, atol=1e-6)
    assert packed_tokens == tokens == sum(SIZES)


def test_the_flat_batches_of_flash_attention_are_learnt_the_same(tiny_model: Path, tmp_path: Path) -> None:
    """The batch that flash attention gets, computed by sdpa, which reads its positions."""
    answers_trainer = trainer(random_model(FAMILIES["llama"]), tmp_path, tiny_model, fast=True)
    loss, gradient, _ = learnt(answers_trainer, alone(rows()))
    flat = Packed(0, flat=True)(list(pack(rows(), LENGTH, seed=0)))
    assert flat["cu_seq_lens_q"].tolist()[-1] == sum(SIZES)
    packed_loss, packed_gradient, tokens = learnt(answers_trainer, flat)
    assert packed_loss == pytest.approx(loss, rel=1e-5)
    assert tokens == sum(SIZES)
    torch.testing.assert_close(packed_gradient, gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("family", MIXING)
def test_a_model_that_would_mix_rows_is_found_out(family: str) -> None:
    torch.manual_seed(0)
    assert not isolates(AutoModelForCausalLM.from_config(copy.deepcopy(MIXING[family]), dtype=torch.float32))


def recipe(**fields: Any) -> Recipe:
    defaults = {"packing": True, "train_sampling_strategy": "random", "per_device_train_batch_size": 1}
    return Recipe.model_validate({"model_id": "m", "dataset_id": "d", **defaults, **fields})


def test_what_cannot_be_packed_rightly_is_left_as_it_is_and_told() -> None:
    data, llama = rows(), random_model(FAMILIES["llama"])
    assert packed_or_not(data, llama, recipe(packing=False), LENGTH)[1].notes == ()
    packed, outcome = packed_or_not(data, llama, recipe(), 9)
    assert (outcome.done, outcome.flat, outcome.notes) == (True, False, ())
    assert len(packed) < len(data)
    same, outcome = packed_or_not(data, llama, recipe(gradient_accumulation_steps=4), 9)
    assert same is data
    assert "1 steps an epoch" in outcome.notes[0] or "2 steps an epoch" in outcome.notes[0]
    torch.manual_seed(0)
    opt = AutoModelForCausalLM.from_config(copy.deepcopy(MIXING["opt"]))
    same, outcome = packed_or_not(data, opt, recipe(), 9)
    assert same is data
    assert "kind opt" in outcome.notes[0]


def test_a_packed_training_learns_and_counts_every_token(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(
        tiny_model,
        write_rows(tmp_path, "chat", sums(60)),
        packing=True,
        train_sampling_strategy="random",
        max_steps=-1,
        per_device_train_batch_size=2,
        eval_fraction=0.2,
        eval_steps=100,
    )
    training.train(values, tmp_path)
    recorded = events.read(tmp_path)[0]
    assert only(recorded, events.Started).facts["packing"] is True
    assert only(recorded, events.Started).facts["usual_labels"] is None
    points = steps(recorded)
    assert points[max(points)]["loss"] < points[1]["loss"]
    assert "eval_loss" in points[max(points)]
    unpacked_out = tmp_path / "plain"
    unpacked_out.mkdir()
    values["recipe"]["packing"] = False
    training.train(values, unpacked_out)
    unpacked = steps(events.read(unpacked_out)[0])
    assert len(points) < len(unpacked)
    # An epoch has the same tokens either way.
    assert points[max(points)]["num_tokens"] == unpacked[max(unpacked)]["num_tokens"]
