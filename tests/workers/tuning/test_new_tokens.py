"""Tokens that the model has no embedding for, and padding of every kind: trained, or refused in plain words."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine.process import events
from engine.workers import contract, networks
from engine.workers.train import training
from tests.workers.train.odd_models import make
from tests.workers.train.training_runs import chat, spec, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

PLAIN = [chat("say fox", "fox it is")] * 4
CALLS = [chat("call it", "<tool_x>fox<tool_y>")] * 4
ADDED = ("<tool_x>", "<tool_y>")


def trained(model: Path, folder: Path, rows: list[Any], **recipe: Any) -> list[events.Event]:
    """A short training in this process, and what it said."""
    out = folder / "out"
    out.mkdir(parents=True)
    settings = {"bf16": False, "max_steps": 2, "logging_steps": 1, "lora_r": 2} | recipe
    training.train(spec(model, write_rows(folder, "chat", rows), **settings), out)
    return events.read(out)[0]


def notes(recorded: list[events.Event]) -> str:
    return " ".join(event.message for event in recorded if isinstance(event, events.Note))


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"tuning": "ia3"}, "Tuning ia3 cannot train a new one"),
        ({"tuning": "freeze", "freeze_trainable_layers": 1}, "Tuning freeze cannot train a new one"),
        ({"tuning": "prompt"}, "Tuning prompt cannot train a new one"),
    ],
)
def test_a_tuning_that_cannot_train_new_tokens_says_so_before_a_step(
    recipe: dict[str, Any], words: str, tmp_path: Path
) -> None:
    model = make(tmp_path / "m", added=ADDED)
    with pytest.raises(contract.WorkFailedError) as caught:
        trained(model, tmp_path / "run", CALLS, **recipe)
    assert "The data uses `<tool_x>`, `<tool_y>`, for which the model has no embedding (320 rows)." in str(caught.value)
    assert words in str(caught.value)
    assert "Use tuning lora, qlora or full" in caught.value.hint


def test_tokens_that_no_row_uses_change_nothing(tmp_path: Path) -> None:
    model = make(tmp_path / "m", added=ADDED)
    for tuning in ("ia3", "full"):
        recorded = trained(model, tmp_path / tuning, PLAIN, tuning=tuning)
        assert "embeddings grow" not in notes(recorded)
    assert networks.rows(AutoModelForCausalLM.from_pretrained(tmp_path / "full" / "out" / "model")) == 320


PADS: dict[str, dict[str, Any]] = {
    "its own": {},
    "the end": {"pad": "<|im_end|>"},
    "the unknown word": {"unk": "<|endoftext|>"},
    "none": {"pad": None},
}


def test_whatever_pads_the_same_is_learnt_to_the_end_of_every_answer(tmp_path: Path) -> None:
    """Padding with the end of a sequence, or with the unknown word, hides no label: labels go by place."""
    rows, seen = [chat("say fox", "fox"), chat("a much longer question than the other", "fox it is")], {}
    for name, tokens in PADS.items():
        model = make(tmp_path / f"{name} model", eos="<|im_end|>", **tokens)
        tuning = "lora" if name == "the end" else "full"  # the first loss is the same
        recorded = trained(model, tmp_path / name, rows, tuning=tuning, per_device_train_batch_size=2)
        first = next(event for event in recorded if isinstance(event, events.Step))
        seen[name] = (first.metrics["num_tokens"], round(first.metrics["loss"], 6))
    assert len(set(seen.values())) == 1, seen
    assert seen["its own"][0] == 65  # both rows whole, without padding


def test_a_padding_token_without_an_embedding_is_exchanged_and_nothing_grows(tmp_path: Path) -> None:
    model = make(tmp_path / "m", eos="<|im_end|>", added=("[PAD]",), pad="[PAD]")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "pad_token_id": 320}))  # as some tools write it
    recorded = trained(model, tmp_path / "run", [*PLAIN, chat("a longer one", "fox")], tuning="full")
    assert "The padding token `[PAD]` has no embedding, so rows are padded with `<|im_end|>`." in notes(recorded)
    assert networks.rows(AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "out" / "model")) == 320


def test_embeddings_that_are_trained_whole_keep_the_new_rows_there(tmp_path: Path) -> None:
    model = make(tmp_path / "m", added=ADDED)
    trained(model, tmp_path / "run", CALLS, tuning="lora", modules_to_save="embed_tokens,lm_head")
    base, adapter = AutoModelForCausalLM.from_pretrained(model), tmp_path / "run" / "out" / "adapter"
    assert networks.adapter_rows(base, adapter) == 322
    networks.enlarge(base, 322)
    assert networks.rows(PeftModel.from_pretrained(base, adapter)) == 322


def test_an_adapter_with_new_rows_is_resumed_and_trained_further(tmp_path: Path) -> None:
    model, rows = make(tmp_path / "m", added=ADDED, tied=True), write_rows(tmp_path, "chat", CALLS)
    settings: dict[str, Any] = {"bf16": False, "lora_r": 2, "save_steps": 2, "lr_scheduler_type": "constant"}
    first, further = tmp_path / "first", tmp_path / "further"
    for out in (first, further):
        out.mkdir()
    training.train(spec(model, rows, max_steps=2, **settings), first)
    early = embeddings(first)
    checkpoint = first / "checkpoints" / "checkpoint-2"
    assert training.train(spec(model, rows, max_steps=3, resume_from=checkpoint, **settings), first)["steps"] == 3
    assert not torch.equal(embeddings(first), early)
    adapter = {"adapter_path": str(first / "adapter")}
    training.train(spec(model, rows, max_steps=2, start_from="first", **settings) | adapter, further)
    assert not torch.equal(embeddings(further), embeddings(first))


def embeddings(out: Path) -> torch.Tensor:
    """Those that an adapter has for new tokens."""
    tensors = load_file(out / "adapter" / "adapter_model.safetensors")
    rows = tensors["base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"]
    assert rows.shape == (2, 64)
    return rows


def test_an_adapter_that_lacks_a_token_is_not_trained_further_with_it(tmp_path: Path) -> None:
    trained(make(tmp_path / "m", added=ADDED), tmp_path / "first", CALLS)
    longer = make(tmp_path / "longer", added=(*ADDED, "<tool_z>"))
    rows = write_rows(tmp_path, "chat", [chat("say", "<tool_z>")])
    values = spec(longer, rows, start_from="first", bf16=False, lora_r=2)
    (tmp_path / "out").mkdir()
    with pytest.raises(contract.WorkFailedError, match="has no embedding for `<tool_z>`"):
        training.train(values | {"adapter_path": str(tmp_path / "first" / "out" / "adapter")}, tmp_path / "out")


def test_a_model_without_its_head_is_refused_instead_of_getting_a_random_one(tmp_path: Path) -> None:
    model = make(tmp_path / "m")
    weights = load_file(model / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(contract.WorkFailedError, match=r"have no lm_head\.weight"):
        trained(model, tmp_path / "run", PLAIN)
