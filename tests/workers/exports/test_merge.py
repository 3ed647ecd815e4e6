"""Merging for real: what a tiny training left becomes one model that answers as base and adapter do."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from engine.process import events
from engine.process.plan import WORKERS
from engine.workers import networks
from engine.workers.exports import merge
from tests.workers.train.training_runs import finish, only, spec, sums, write_rows
from tests.workers.warm import Program

IDS = torch.arange(3, 40).unsqueeze(0)
FLOAT = {"bf16": False, "gradient_checkpointing": False}

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),  # PEFT asks for it
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning"),
    pytest.mark.filterwarnings("ignore:Input and output embeddings are no longer tied:UserWarning"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning"),
]


def asked(base: Path, adapter: Path | None, dtype: str = "float32", scores: bool = False) -> dict[str, Any]:
    """What the studio asks of the worker."""
    values = {"base_path": str(base), "adapter_path": str(adapter) if adapter else None, "dtype": dtype}
    return values | {"scores": scores, "card": "# A card\n"}


def merged_by_the_worker(values: dict[str, Any], out: Path, code: int = 0) -> Any:
    """The last event of the program that the studio starts."""
    out.mkdir(parents=True)
    (out / "spec.json").write_text(json.dumps(values))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    arguments = [str(out / "spec.json"), str(out)]
    with Program(WORKERS["export_merged"], arguments, environment, out / "output.log") as process:
        assert process.wait(timeout=280) == code, (out / "output.log").read_text()[-3000:]
    return events.read(out)[0][-1]


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.eval()(input_ids=IDS).logits.float()
    return found


def trained(model: Path, folder: Path, **recipe: Any) -> Path:
    """The adapter or model of a short training."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_rows(folder, "chat", sums(12))
    out = folder / "run"
    finished = only(finish(spec(model, rows, **FLOAT | recipe), out), events.Finished)
    return out / str(finished.result["artifact"])


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain LoRA adapter."""
    folder = tmp_path_factory.mktemp("lora") / "adapter"
    disturbed(tiny_model, LoraConfig(r=4, target_modules="all-linear"), folder)
    return folder


@pytest.mark.parametrize("recipe", [{"use_dora": True}, {"tuning": "full"}])
def test_what_a_training_left_is_merged_by_the_worker(recipe: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    left, out = trained(tiny_model, tmp_path, **recipe), tmp_path / "out"
    is_whole = left.name == "model"
    finished = merged_by_the_worker(asked(left if is_whole else tiny_model, None if is_whole else left), out)
    assert finished.result["parity"]["difference"] < 1e-4
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    untrained = logits(base)
    wanted = logits(AutoModelForCausalLM.from_pretrained(left) if is_whole else PeftModel.from_pretrained(base, left))
    folder = out / "model"
    assert torch.allclose(logits(AutoModelForCausalLM.from_pretrained(folder)), wanted, atol=1e-4)
    assert (wanted - untrained).abs().max() > 1e-3
    assert finished.result["size_bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    template = AutoTokenizer.from_pretrained(tiny_model).chat_template
    assert AutoTokenizer.from_pretrained(folder).chat_template == template
    assert (folder / "generation_config.json").read_bytes() == (left / "generation_config.json").read_bytes()
    assert (folder / "README.md").read_text() == "# A card\n"
    assert not (out / "scratch").exists()


@pytest.mark.parametrize("config", [LoraConfig(r=4, use_rslora=True), IA3Config(feedforward_modules=[])])
def test_other_adapters_are_merged_too(config: PeftConfig, tiny_model: Path, tmp_path: Path) -> None:
    config.target_modules = ["q_proj", "down_proj"]
    tuned = disturbed(tiny_model, config, tmp_path / "adapter")
    assert merge.merge(asked(tiny_model, tmp_path / "adapter"), tmp_path / "out")["parity"]["difference"] < 1e-4
    assert torch.allclose(
        logits(AutoModelForCausalLM.from_pretrained(tmp_path / "out/model")), logits(tuned), atol=1e-4
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_rounding_comes_last_and_is_told(dtype: str, tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    result = merge.merge(asked(tiny_model, adapter, dtype), tmp_path / "out")
    assert 0 < result["parity"]["difference"] < 0.02
    with safe_open(tmp_path / "out" / "model" / "model.safetensors", "pt") as file:
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 (not a dict)
    assert kinds == {getattr(torch, dtype)}
    exact = merge.merge(asked(tiny_model, adapter), tmp_path / "exact")
    assert exact["parity"]["difference"] < result["parity"]["difference"]
    merged = load_file(tmp_path / "exact" / "model" / "model.safetensors")
    rounded = load_file(tmp_path / "out" / "model" / "model.safetensors")
    assert all(torch.equal(rounded[name], tensor.to(getattr(torch, dtype))) for name, tensor in merged.items())


def test_a_change_smaller_than_rounding_is_told(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    shutil.copytree(adapter, small)
    weights = load_file(small / "adapter_model.safetensors")
    save_file(
        {name: tensor * (1e-3 if "lora_B" in name else 1) for name, tensor in weights.items()},
        small / "adapter_model.safetensors",
    )
    (note,) = merge.merge(asked(tiny_model, small, "bfloat16"), tmp_path / "out")["notes"]
    assert "float32 keeps it all" in note
    assert merge.merge(asked(tiny_model, small), tmp_path / "exact")["notes"] == []


def test_a_whole_model_changes_its_precision(tiny_model: Path, tmp_path: Path) -> None:
    assert merge.merge(asked(tiny_model, None, "bfloat16"), tmp_path / "out")["parity"]["difference"] < 0.02
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model").dtype == torch.bfloat16


def test_a_reward_model_keeps_its_head(tiny_model: Path, tmp_path: Path) -> None:
    base = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1)
    config = LoraConfig(r=4, target_modules="all-linear", modules_to_save=["score"], task_type="SEQ_CLS")
    tuned = disturbed(base, config, tmp_path / "adapter")
    assert (
        merge.merge(asked(tiny_model, tmp_path / "adapter", scores=True), tmp_path / "out")["parity"]["difference"]
        < 1e-4
    )
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out" / "model")
    assert torch.allclose(logits(merged), logits(tuned), atol=1e-4)


@pytest.mark.parametrize("kept", [["embed_tokens"], ["lm_head"], ["embed_tokens", "lm_head"]])
def test_a_head_that_was_tied_is_saved_as_it_answers(kept: list[str], tied: Path, tmp_path: Path) -> None:
    disturbed(tied, LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=kept), tmp_path / "adapter")
    wanted = logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tied), tmp_path / "adapter"))
    merge.merge(asked(tied, tmp_path / "adapter"), tmp_path / "out")
    assert torch.allclose(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")), wanted, atol=1e-4)


def test_an_adapter_with_a_larger_vocabulary_brings_it_along(tied: Path, tmp_path: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tied)
    rows = base.get_input_embeddings().weight.shape[0] + 8
    base.resize_token_embeddings(rows, mean_resizing=False)
    config = LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])
    tuned = disturbed(base, config, tmp_path / "adapter")
    merge.merge(asked(tied, tmp_path / "adapter"), tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    assert merged.config.vocab_size == rows
    assert torch.allclose(logits(merged), logits(tuned), atol=1e-4)


def test_an_adapter_that_trained_new_tokens_alone_brings_their_embeddings_along(tied: Path, tmp_path: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tied)
    known = base.get_input_embeddings().weight.shape[0]
    networks.enlarge(base, known + 2)
    config = LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices=[known, known + 1])
    tuned = disturbed(base, config, tmp_path / "adapter")
    merge.merge(asked(tied, tmp_path / "adapter"), tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model")
    assert merged.config.vocab_size == known + 2
    assert torch.allclose(logits(merged), logits(tuned), atol=1e-4)


def test_what_does_not_fit_ends_in_plain_words_and_leaves_nothing(
    tiny_model: Path, adapter: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(adapter, wrong)
    weights = load_file(wrong / "adapter_model.safetensors")
    save_file({name: torch.cat([tensor] * 2) for name, tensor in weights.items()}, wrong / "adapter_model.safetensors")
    failed = merged_by_the_worker(asked(tiny_model, wrong), tmp_path / "out", code=1)
    assert isinstance(failed, events.Failed)
    assert "cannot become one model" in failed.message
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"spec.json", "events.jsonl", "output.log"}


def disturbed(base: Any, config: PeftConfig, folder: Path) -> Any:
    """A model with an adapter whose weights have moved, as a training moves them; the adapter lies in `folder`."""
    base = AutoModelForCausalLM.from_pretrained(base) if isinstance(base, Path) else base
    tuned = get_peft_model(base, config)
    torch.manual_seed(1)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    tuned.save_pretrained(folder)
    return tuned


@pytest.fixture(scope="module")
def tied(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a head that is one with its embeddings."""
    folder = tmp_path_factory.mktemp("tied")
    model = AutoModelForCausalLM.from_pretrained(tiny_model, tie_word_embeddings=True)
    model.tie_weights()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder
