"""A tiny model learns from a tiny teacher, for real, with TRL's own numbers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.experimental.gkd import GKDTrainer

from engine.process import events
from engine.workers import contract
from engine.workers.tokens.row_tokens import prompt_tokens
from engine.workers.train import family_distil, training
from engine.workers.trainers.distil import DistilBatches
from engine.workers.tuning import model as training_model
from tests.conftest import ROOT
from tests.workers.train.training_runs import chat, only, spec, steps, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights for the same words."""
    folder = tmp_path_factory.mktemp("teacher") / "model"
    subprocess.run([sys.executable, "-m", "tests.tiny", str(folder), "7"], check=True, cwd=ROOT)
    return folder


def distil_spec(model: Path, teacher: Path, folder: Path, rows: Any = None, **fields: Any) -> dict[str, Any]:
    path = write_rows(folder, "chat", sums(24) if rows is None else rows)
    values = spec(model, path, method="gkd", **({"bf16": False, "max_completion_length": 12} | fields))
    return values | {"companion": {"path": str(teacher), "adapter": None}}


def train(values: dict[str, Any], out: Path) -> list[events.Event]:
    out.mkdir(exist_ok=True)
    events.append(out, events.Finished(result=family_distil.train(values, out)))
    return events.read(out)[0]


def test_the_model_becomes_more_like_its_teacher(tiny_model: Path, teacher: Path, tmp_path: Path) -> None:
    fields = {"lmbda": 0.0, "max_steps": 12, "eval_fraction": 0.2, "eval_steps": 6}
    recorded = train(distil_spec(tiny_model, teacher, tmp_path, **fields), tmp_path / "out")
    points = steps(recorded)
    assert points[12]["loss"] < 0.9 * points[1]["loss"]
    assert points[12]["eval_loss"] < points[6]["eval_loss"]
    assert points[12]["num_tokens"] > points[1]["num_tokens"] > 0
    assert only(recorded, events.Started).facts["fast_loss"] is True
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    ids = torch.arange(40)[None]
    before = base(input_ids=ids).logits
    after = PeftModel.from_pretrained(base, tmp_path / "out" / "adapter")(input_ids=ids).logits
    assert not torch.equal(before, after)


@pytest.mark.parametrize("fields", [{"lmbda": 1.0}, {"lmbda": 0.0, "seq_kd": True, "tuning": "full", "lora_r": 16}])
def test_answers_written_while_training_are_learnt_from(
    fields: dict[str, Any], tiny_model: Path, teacher: Path, tmp_path: Path
) -> None:
    recorded = train(distil_spec(tiny_model, teacher, tmp_path, max_steps=3, **fields), tmp_path / "out")
    points = steps(recorded)
    assert all(point["loss"] > 0 for point in points.values())
    # Each row's prompt, and at most twelve tokens behind it.
    assert points[3]["num_tokens"] <= 3 * 4 * (60 + 12)


def distil_trainer(values: dict[str, Any], out: Path) -> Any:
    """The trainer of that spec, before its first step."""
    out.mkdir(exist_ok=True)
    parsed = training.Spec.read(values)
    tokenizer = training_model.load_tokenizer(parsed.model_path)
    base = training_model.load(parsed.recipe, parsed.model_path, "cpu", tokenizer)
    return family_distil._trainer(parsed, base, family_distil._rows(parsed, base, out), out)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_the_loss_of_rows_is_trls_own(beta: float, tiny_model: Path, teacher: Path, tmp_path: Path) -> None:
    trainer = distil_trainer(distil_spec(tiny_model, teacher, tmp_path, gkd_beta=beta), tmp_path / "out")
    batch = trainer.data_collator([trainer.train_dataset[number] for number in range(6)])
    count = (batch["labels"][:, 1:] != -100).sum()
    theirs = GKDTrainer.compute_loss(trainer, trainer.model, batch, num_items_in_batch=count)
    assert trainer.fast_loss
    for fast in (True, False):
        trainer.fast_loss = fast
        ours = trainer.compute_loss(trainer.model, batch, num_items_in_batch=count)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert float(theirs) > 0


def test_a_prompt_is_what_stands_before_the_last_answer() -> None:
    assert prompt_tokens([-100, -100, 5, 6, -100, 7, 8, -100]) == 5
    rows = [
        {"input_ids": [1, 2, 3, 4], "labels": [-100, -100, 3, 4]},
        {"input_ids": [5, 6], "labels": [-100, 6]},
    ]
    batch = DistilBatches(0)(rows)
    assert batch["prompts"].tolist() == [[1, 2], [0, 5]]
    assert batch["prompt_attention_mask"].tolist() == [[1, 1], [0, 1]]
    assert batch["labels"].tolist() == [[-100, -100, 3, 4], [-100, 6, -100, -100]]


def test_padding_of_a_written_answer_goes_to_the_right(tiny_model: Path, teacher: Path, tmp_path: Path) -> None:
    rows = [chat("Hi", "a"), chat("What is 17 plus 6?" * 3, "b"), *sums(4)]
    trainer = distil_trainer(distil_spec(tiny_model, teacher, tmp_path, rows), tmp_path / "out")
    batch = trainer.data_collator([trainer.train_dataset[number] for number in range(2)])
    ids, mask, labels = trainer.generate_on_policy_outputs(trainer.model, batch, trainer.generation_config)
    assert (mask.diff(dim=1) <= 0).all()  # ones, then zeros
    for row in range(2):
        prompt = batch["prompts"][row][batch["prompt_attention_mask"][row] == 1]
        assert ids[row][: len(prompt)].tolist() == prompt.tolist()
        assert (labels[row][: len(prompt)] == -100).all()
        learnt = labels[row] != -100
        assert torch.equal(labels[row][learnt], ids[row][learnt])
        assert 0 < int(learnt.sum()) <= 12


def test_a_teacher_with_a_padded_vocabulary_is_compared_as_far_as_both_go(
    tiny_model: Path, teacher: Path, tmp_path: Path
) -> None:
    padded = shutil.copytree(teacher, tmp_path / "padded")
    model = AutoModelForCausalLM.from_pretrained(padded)
    vocab_size = model.config.vocab_size
    model.resize_token_embeddings(vocab_size + 16)
    model.save_pretrained(padded)
    trainer = distil_trainer(distil_spec(tiny_model, padded, tmp_path), tmp_path / "out")
    assert trainer.shared_tokens == vocab_size
    assert trainer.generation_config.suppress_tokens == list(range(vocab_size, vocab_size + 16))
    unpadded_trainer = distil_trainer(distil_spec(tiny_model, teacher, tmp_path), tmp_path / "out")
    batch = trainer.data_collator([trainer.train_dataset[number] for number in range(4)])
    torch.testing.assert_close(trainer.compute_loss(None, batch), unpadded_trainer.compute_loss(None, batch))
    recorded = train(distil_spec(tiny_model, padded, tmp_path, seq_kd=True, lmbda=0.5, max_steps=2), tmp_path / "run")
    assert len(steps(recorded)) == 2


def fails(values: dict[str, Any], out: Path) -> contract.WorkFailedError:
    with pytest.raises(contract.WorkFailedError) as caught:
        train(values, out)
    return caught.value


def test_what_cannot_teach_is_refused_in_words(tiny_model: Path, teacher: Path, tmp_path: Path) -> None:
    other_teacher = shutil.copytree(teacher, tmp_path / "other")
    tokenizer = AutoTokenizer.from_pretrained(other_teacher)
    tokenizer.add_tokens(["<|new|>"])
    tokenizer.save_pretrained(other_teacher)
    error = fails(distil_spec(tiny_model, other_teacher, tmp_path), tmp_path / "a")
    assert error.category == "config"
    assert "another vocabulary" in error.message
    assert (
        "No teacher" in fails(distil_spec(tiny_model, teacher, tmp_path) | {"companion": None}, tmp_path / "b").message
    )
    (other_teacher / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Nothing"}))
    shutil.rmtree(other_teacher)
    assert "cannot be loaded" in fails(distil_spec(tiny_model, other_teacher, tmp_path), tmp_path / "c").message


def test_rows_whose_prompt_leaves_no_room_are_left_out(tiny_model: Path, teacher: Path, tmp_path: Path) -> None:
    rows = [*sums(6), chat("long " * 35, "x")]
    fields = {"max_steps": 1, "max_length": 300, "max_completion_length": 200, "lmbda": 1.0}
    recorded = train(distil_spec(tiny_model, teacher, tmp_path, rows, **fields), tmp_path / "out")
    notes = [event.message for event in recorded if isinstance(event, events.Note)]
    assert any("1 rows have no prompt, or one of more than 100 tokens" in note for note in notes)
    assert only(recorded, events.Started).facts["rows"] == 6
    short = distil_spec(tiny_model, teacher, tmp_path, [chat("long " * 35, "x")], **fields)
    assert "lower max_completion_length" in fails(short, tmp_path / "none").hint
