"""A model folder says what it is, and whether it can be trained, before anything of it is loaded."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.weights.inspection import Inspection, causal_architectures, inspect, looks_like_model
from tests.engine.weights import model_folders
from tests.engine.weights.model_folders import SHAPES, make, safetensors


def reason(folder: Path) -> str:
    """The one reason why that folder cannot be trained."""
    reasons = inspect(folder).reasons
    assert len(reasons) == 1, reasons
    return reasons[0]


def test_a_real_model_is_described_as_transformers_would(tiny_model: Path) -> None:
    inspection = inspect(tiny_model)
    assert inspection.reasons == ()
    assert inspection.trainable
    assert (inspection.architecture, inspection.model_type, inspection.dtype) == ("LlamaForCausalLM", "llama", "F32")
    assert inspection.context_length == 512
    assert inspection.has_chat_template
    assert inspection.has_tokenizer
    assert inspection.size_bytes == (tiny_model / "model.safetensors").stat().st_size
    assert inspection.parameters == 2 * 320 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 128 + 2 * 64) + 64


def test_a_folder_made_by_hand_can_be_trained(tmp_path: Path) -> None:
    inspection = inspect(make(tmp_path / "m"))
    assert inspection.reasons == ()
    assert inspection.parameters == model_folders.PARAMETERS
    assert inspection.licence == "mit"


def test_gguf_alone_cannot_be_trained(tmp_path: Path) -> None:
    (tmp_path / "model.Q4_K_M.gguf").write_bytes(b"GGUF" + bytes(100))
    inspection = inspect(tmp_path)
    assert "GGUF" in inspection.reasons[0]
    assert inspection.size_bytes == 104


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "a/b"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(safetensors({"a.lora_A.weight": (2, 2)}))
    assert "adapter" in reason(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickle_weights_are_not_loaded(tmp_path: Path, name: str) -> None:
    make(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / name)
    assert "pickle" in reason(tmp_path)


def test_safetensors_of_another_name_are_not_what_transformers_loads(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "consolidated.safetensors")
    assert "other names" in reason(tmp_path)


def test_a_config_alone_has_no_weights(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert "no weights" in reason(tmp_path)


def test_weights_without_a_config_are_of_unknown_architecture(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "config.json").unlink()
    assert "no config.json" in reason(tmp_path)


def test_a_model_without_a_tokenizer_cannot_be_trained(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert "no tokenizer" in reason(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    assert "no tokenizer" in reason(tmp_path)
    (tmp_path / "merges.txt").write_text("")
    assert inspect(tmp_path).trainable


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "not a causal language model"),
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "not a causal language model"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "not a causal language model"),
        ({"architectures": ["NeverHeardForCausalLM"], "model_type": "never_heard"}, "transformers knows"),
        ({"architectures": None}, "has no architecture"),
        ({"architectures": "LlamaForCausalLM"}, "has no architecture"),
        ({"vision_config": {"hidden_size": 8}}, "images or sound"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "already quantised (gptq)"),
        ({"quantization_config": "int8"}, "already quantised (unknown method)"),
        ({"auto_map": {"AutoModelForCausalLM": "evil.Evil"}, "architectures": ["Evil"]}, "its own code"),
        ({"auto_map": {"AutoModelForCausalLM": "evil.Evil"}, "model_type": "evil"}, "its own code"),
        ({"auto_map": ["evil.Evil"], "architectures": ["Evil"]}, "its own code"),
    ],
)
def test_what_cannot_be_trained_says_why(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    assert words in reason(make(tmp_path, **config))


def test_code_that_transformers_has_itself_is_no_obstacle_and_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make(tmp_path / "m", auto_map={"AutoModelForCausalLM": "modeling_llama.LlamaForCausalLM"})
    (folder / "modeling_llama.py").write_text(f"open({str(marker)!r}, 'w')")
    assert inspect(folder).trainable
    assert not marker.exists()


def test_the_code_of_a_hostile_config_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    folder = make(tmp_path / "m", auto_map={"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Evil"})
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w')")
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("LlamaForCausalLM", "Evil"))
    assert "its own code" in reason(folder)
    assert not marker.exists()


def header(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ((2**60).to_bytes(8, "little") + b"{}", "claims 1,152,921,504,606,846,976 bytes"),
        (b"", "claims 0 bytes"),
        (b"\x01", "claims 1 bytes"),
        (safetensors(SHAPES)[:-1], "cut off"),
        (safetensors(SHAPES) + b"x", "cut off, or longer"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
        (header(b"not json"), "not a complete safetensors"),
        (header(b"[]"), "not a complete safetensors"),
        (header(b'{"a": 3}'), "not a complete safetensors"),
        (header(b"[" * 100_000), "not a complete safetensors"),
        (header(json.dumps({"a": ENTRY | {"dtype": "Q9"}}).encode(), bytes(8)), "unknown type"),
        (header(json.dumps({"a": ENTRY | {"shape": [-2]}}).encode(), bytes(8)), "impossible shape"),
        (header(json.dumps({"a": ENTRY | {"shape": [2.0]}}).encode(), bytes(8)), "impossible shape"),
        (header(json.dumps({"a": ENTRY | {"shape": [3]}}).encode(), bytes(8)), "another size than its shape"),
        (header(json.dumps({"a": ENTRY | {"shape": [10**9, 10**9]}}).encode(), bytes(8)), "another size"),
    ],
)
def test_broken_weights_are_named_and_not_loaded(tmp_path: Path, weights: bytes, words: str) -> None:
    assert words in reason(make(tmp_path, weights))


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "lm_head.weight"])
def test_weights_with_other_sizes_than_the_config_are_not_trained(name: str, tmp_path: Path) -> None:
    resized = safetensors({**SHAPES, name: (34, 8)})
    (reason,) = inspect(make(tmp_path / "m", weights=resized)).reasons
    assert reason.startswith(f"Its {name} has 34 rows, and config.json says vocab_size 32: write 34 there")
    both = safetensors({**SHAPES, "model.embed_tokens.weight": (34, 8), "lm_head.weight": (34, 8)})
    assert inspect(make(tmp_path / "right", weights=both, vocab_size=34)).trainable


def test_the_shards_of_an_index_are_added_up(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "model.safetensors").unlink()
    names = {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    (folder / "model-1.safetensors").write_bytes(safetensors({"a.weight": (4, 4)}, "BF16", 2))
    assert "`model-2.safetensors` is missing" in reason(folder)
    (folder / "model-2.safetensors").write_bytes(safetensors({"b.weight": (2, 2)}))
    inspection = inspect(folder)
    assert (inspection.parameters, inspection.dtype, inspection.reasons) == (20, "BF16", ())


@pytest.mark.parametrize("shard", ["../other.safetensors", "/etc/passwd", "sub/x.safetensors"])
def test_an_index_cannot_name_a_file_outside_the_folder(tmp_path: Path, shard: str) -> None:
    folder = make(tmp_path / "m")
    (tmp_path / "other.safetensors").write_bytes(safetensors(SHAPES))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    assert not inspect(folder).trainable
    assert inspect(folder).parameters is None


def test_an_index_without_a_map_is_said(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "model.safetensors.index.json").write_text("{}")
    assert "weight_map" in reason(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "README.md", "tokenizer_config.json"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "m")
    outside = tmp_path / "secret"
    shutil.move(folder / name, outside)
    (folder / name).symlink_to(outside)
    assert f"`{name}` leads out of the model's folder" in reason(folder)


@pytest.mark.parametrize("target", ["nowhere", "config.json"])
def test_a_link_to_nowhere_or_to_itself_is_not_followed(tmp_path: Path, target: str) -> None:
    folder = make(tmp_path)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(target)
    assert "leads out" in reason(folder)


def test_the_hubs_own_cache_with_its_links_is_a_model(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--a--b/blobs", tmp_path / "models--a--b/snapshots/abc"
    source = make(tmp_path / "made")
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in source.iterdir():
        shutil.move(file, blobs / file.name)
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert inspect(snapshot).reasons == ()


def test_a_pipe_instead_of_a_file_does_not_hang(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    assert "not a plain file" in reason(folder)


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000])
def test_a_config_that_is_no_json_object_is_said(tmp_path: Path, text: str) -> None:
    folder = make(tmp_path)
    (folder / "config.json").write_text(text)
    assert "`config.json` is not" in reason(folder)


def test_a_config_larger_than_any_real_one_is_not_read(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with (folder / "config.json").open("wb") as file:
        file.truncate(1 << 34)
    assert "`config.json` is not" in reason(folder)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in reason(tmp_path / "nothing")


@pytest.mark.parametrize("value", [None, 0, -1, True, "many", 2**50])
def test_a_context_length_that_is_none_is_unknown(tmp_path: Path, value: Any) -> None:
    assert inspect(make(tmp_path, max_position_embeddings=value)).context_length is None


def test_a_chat_template_is_found_wherever_it_is_kept(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "tokenizer_config.json").write_text("{}")
    assert not inspect(folder).has_chat_template
    (folder / "chat_template.jinja").write_text(" \n")
    assert not inspect(folder).has_chat_template
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert inspect(folder).has_chat_template
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text('{"chat_template": "x"}')
    assert inspect(folder).has_chat_template


@pytest.mark.parametrize(
    ("file", "text", "licence"),
    [
        ("README.md", "---\nlicense: apache-2.0\n---\n", "apache-2.0"),
        ("README.md", '---\nlicense: other\nlicense_name: "llama3.2"\n---\n', "llama3.2"),
        ("README.md", "license: mit\n", None),
        ("LICENSE", "  Apache License\n Version 2.0", "apache-2.0"),
        ("LICENSE.txt", "MIT License\n", "mit"),
        ("LICENSE", "All rights reserved.", None),
    ],
)
def test_the_licence_is_read_from_the_readme_or_the_licence_file(
    tmp_path: Path, file: str, text: str, licence: str | None
) -> None:
    folder = make(tmp_path)
    (folder / "README.md").unlink()
    (folder / file).write_text(text)
    assert inspect(folder).licence == licence


def test_the_architectures_are_those_of_the_installed_transformers() -> None:
    architectures = causal_architectures()
    assert architectures["llama"] == ("LlamaForCausalLM",)
    assert architectures["qwen3"] == ("Qwen3ForCausalLM",)
    assert "t5" not in architectures


def test_only_a_folder_with_something_of_a_model_looks_like_one(tmp_path: Path) -> None:
    assert not looks_like_model(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert not looks_like_model(tmp_path)
    (tmp_path / "A.GGUF").touch()
    assert looks_like_model(tmp_path)
    assert Inspection(tmp_path).trainable
