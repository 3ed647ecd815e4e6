"""A GGUF file turned back: the weights, token ids and chat that went in come out, and what would be lost is refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import machine
from engine.workers.contract import WorkFailedError
from engine.workers.models import fetch
from tests.workers.models import gguf_files

SHAPE: dict[str, Any] = {
    "vocab_size": 301, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
LONG = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192}  # fmt: skip
FAMILIES: dict[str, Any] = {
    "llama": None,
    "llama 3.2": lambda size: transformers.LlamaConfig(
        **{**SHAPE, "vocab_size": size}, tie_word_embeddings=True, head_dim=64, rope_parameters=LONG
    ),
    "qwen2": lambda size: transformers.Qwen2Config(**{**SHAPE, "vocab_size": size}, tie_word_embeddings=True),
    "qwen3": lambda size: transformers.Qwen3Config(**{**SHAPE, "vocab_size": size}, head_dim=32),
}
CHAT = [{"role": "user", "content": "What is 17 plus 6?"}]


def fetched(file: Path, out: Path) -> tuple[dict[str, Any], Path]:
    out.mkdir(parents=True, exist_ok=True)
    result = fetch.fetch({"source": "gguf", "source_id": str(file), "downloads": ""}, out)
    return result, Path(result["path"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny Llama, and its GGUF."""
    return gguf_files.make(tmp_path_factory.mktemp("made"))


def left(out: Path) -> set[str]:
    """What a failed conversion has left of a model."""
    return set(os.listdir(out)) - {"events.jsonl"}


def logits(folder: Path) -> torch.Tensor:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    asked = tokenizer.apply_chat_template(CHAT, return_tensors="pt", return_dict=True, add_generation_prompt=True)
    with torch.no_grad():
        answer: torch.Tensor = model(**asked).logits
    return answer


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_comes_back_with_its_own_weights_tokens_and_chat(
    family: str, made: tuple[Path, Path], tmp_path: Path
) -> None:
    original, file = made
    if make_config := FAMILIES[family]:
        size = len(AutoTokenizer.from_pretrained(original))
        original, file = gguf_files.make(tmp_path / "made", make_config(size), "qwen2" if "qwen" in family else "gpt-2")
    result, folder = fetched(file, tmp_path / "out")
    before, after = AutoTokenizer.from_pretrained(original), AutoTokenizer.from_pretrained(folder)
    for text in ("The quick brown fox 17.", " 안녕 <|im_start|>user\n"):
        assert after(text)["input_ids"] == before(text)["input_ids"]
    assert (after.chat_template, after.eos_token, after.pad_token) == (
        before.chat_template,
        "<|im_end|>",
        "<|endoftext|>",
    )
    assert torch.allclose(logits(folder), logits(original), atol=1e-5)
    assert result["revision"].startswith("F32 sha256:")
    assert "license: mit" in (folder / "README.md").read_text()
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["eos_token_id"] == before.eos_token_id


def test_a_quantised_file_comes_back_near_and_says_so(made: tuple[Path, Path], tmp_path: Path) -> None:
    original, _ = made
    file = gguf_files.write(tmp_path / "q8.gguf", original, "Q8_0")
    result, folder = fetched(file, tmp_path / "out")
    assert result["revision"].startswith("Q8_0 sha256:")
    assert "quantised (Q8_0), so they are a little worse than the original's" in (folder / "README.md").read_text()
    near, exact = logits(folder).float(), logits(original)
    assert torch.nn.functional.cosine_similarity(near, exact, dim=-1).min() > 0.99
    assert not torch.equal(near, exact)


def test_what_lies_beside_the_file_counts_for_nothing_and_an_upload_goes(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    upload = out / "upload.gguf"
    upload.write_bytes(made[1].read_bytes())
    for name in ("config.json", "tokenizer_config.json", "adapter_config.json"):
        (out / name).write_text('{"auto_map": {"AutoTokenizer": "evil.Tokenizer", "AutoConfig": "evil.Config"}}')
    (out / "evil.py").write_text("raise SystemExit('run')")
    _, folder = fetched(upload, out)
    assert not upload.exists()
    assert not (out / "staged").exists()
    assert "auto_map" not in (folder / "tokenizer_config.json").read_text()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a part": ({"split.count": 3}, "one of 3 parts"),
    "an adapter": ({"general.type": "adapter"}, "no model but 'adapter'"),
    "a stretched context": ({"llama.rope.scaling.type": "yarn"}, "stretched context (yarn)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_be_lost_is_refused_with_a_way_out(what: str, made: tuple[Path, Path], tmp_path: Path) -> None:
    more, words = REFUSED[what]
    file = gguf_files.write(tmp_path / "bad.gguf", made[0], more=more)
    with pytest.raises(WorkFailedError, match="`bad") as refusal:
        fetched(file, tmp_path / "out")
    assert words in refusal.value.message
    assert refusal.value.hint
    assert left(tmp_path / "out") == set()


def test_settings_that_describe_another_model_than_the_weights_are_refused_before_it_is_made(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    file = gguf_files.spoilt(made[1], "llama.feed_forward_length", 1 << 19)
    with pytest.raises(WorkFailedError, match="weights, and its settings describe"):
        fetched(file, tmp_path / "out")
    assert left(tmp_path / "out") == set()


def test_without_the_room_nothing_is_begun(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: 1000)
    with pytest.raises(WorkFailedError, match="of memory; 1 kB is free") as refusal:
        fetched(made[1], tmp_path / "out")
    assert refusal.value.category == "memory"
