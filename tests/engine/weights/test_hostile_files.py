"""Files of a stranger's model that are short, and would take minutes or gigabytes to read: refused within a second."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fit import memory
from engine.recipes import auxiliary_models
from engine.weights import files, heads, inspection
from tests.engine.weights.model_folders import make, safetensors

MOMENT = 5.0  # of this process: what it would take otherwise is counted in minutes
LONG_NUMBER = "9" * 4000  # as long as Python reads without asking


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < MOMENT


def with_header(text: str, data: bytes = b"") -> bytes:
    header = text.encode()
    return len(header).to_bytes(8, "little") + header + data


def entry(shape: str, offsets: str = "[0,0]") -> str:
    return f'{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}'


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (entry(f"[{','.join([LONG_NUMBER] * 1000)}]"), "has 4,000 digits"),
        (entry("[1]", f"[0,{LONG_NUMBER}]"), "has 4,000 digits"),
        (entry(f"[{2**63}]"), "impossible shape"),
        (entry(f"[{','.join(['1'] * 17)}]", "[0,4]"), "impossible shape"),
        (entry(f"[{','.join(['2'] * 1_000_000)}]"), "impossible shape"),
        (entry("[true]", "[0,4]"), "impossible shape"),
        (entry("[1e400]"), "impossible shape"),
        (entry('"11"', "[0,4]"), "impossible shape"),
        ('{"a":[' + "{}," * 2_000_001 + "{}]}", "far too many entries"),
        ('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "a tensor is called"),
    ],
)
def test_a_header_that_is_a_bomb_is_refused(tmp_path: Path, header: str, words: str) -> None:
    reasons = inspection.inspect(make(tmp_path / "m", with_header(header, bytes(4)))).reasons
    assert len(reasons) == 1
    assert "not a complete safetensors file" in reasons[0]
    assert words in reasons[0]


def test_the_largest_number_of_the_format_is_a_number(tmp_path: Path) -> None:
    empty = entry(f"[0,{files.MAX_NUMBER},{files.MAX_NUMBER}]")
    folder = make(tmp_path / "m", with_header(empty))
    assert files.tensors(folder, ["model.safetensors"]) == [
        files.Tensor("a", "F32", (0, files.MAX_NUMBER, files.MAX_NUMBER))
    ]
    assert inspection.inspect(folder).reasons == ()


def test_headers_of_many_shards_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "m")
    shard = safetensors({"a": (1,)})
    names = [f"model-{number}.safetensors" for number in range(3)]
    for name in names:
        (folder / name).write_bytes(shard)
    length = int.from_bytes(shard[:8], "little")
    monkeypatch.setattr(files, "MAX_ALL_HEADERS_BYTES", 2 * length)
    index = {"weight_map": {str(number): name for number, name in enumerate(names)}}
    (folder / files.INDEX).write_text(json.dumps(index))
    assert "`model-2.safetensors` is not a complete" in inspection.inspect(folder).reasons[0]


def test_an_index_of_far_too_many_shards_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "m")
    index = {"weight_map": {str(number): f"{number}.safetensors" for number in range(files.MAX_SHARDS + 1)}}
    (folder / files.INDEX).write_text(json.dumps(index))
    assert "names 2,001 weights files" in inspection.inspect(folder).reasons[0]


def test_a_readme_of_nothing_but_line_ends_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---" + "\n" * 64_000)
    assert inspection.licence(tmp_path) is None
    (tmp_path / "README.md").write_text("---" + " " * 64_000)
    assert inspection.licence(tmp_path) is None


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", files.INDEX])
@pytest.mark.parametrize("text", ['{"a":[' + "[]," * 2_000_001 + "[]]}", f'{{"a": {LONG_NUMBER}}}', '{"a":' * 100_000])
def test_small_files_are_bounded_in_what_they_hold(tmp_path: Path, name: str, text: str) -> None:
    folder = make(tmp_path / "m")
    (folder / name).write_text(text)
    reasons = inspection.inspect(folder).reasons
    assert f"`{name}` is not" in " ".join(reasons)


@pytest.mark.parametrize("value", [2**100, 2**41, -1, True, "many", None, [], 1e300])
def test_impossible_numbers_of_a_config_count_as_unknown(tmp_path: Path, value: Any) -> None:
    names = ("hidden_size", "num_hidden_layers", "vocab_size", "intermediate_size")
    config: dict[str, Any] = dict.fromkeys(names, value)
    folder = make(tmp_path / "m", **config)
    assert memory.config_number(inspection.read_config(folder) or {}, *names) == 0
    assert memory.too_big(str(folder)) is None


def test_what_is_said_about_a_model_can_be_stored_and_shown(tmp_path: Path) -> None:
    hostile = "\ud800\x00\n"
    config: dict[str, Any] = {
        "architectures": [hostile],
        "model_type": hostile,
        "quantization_config": {"quant_method": hostile},
    }
    folder = make(tmp_path / "m", **config)
    (folder / files.INDEX).write_text(json.dumps({"weight_map": {"a": hostile}}))
    seen = inspection.inspect(folder)
    for text in (seen.architecture, seen.model_type, *seen.reasons):
        assert text is not None
        assert text.isprintable()
        text.encode()


@pytest.mark.parametrize("config", ["[" * 100_000, '{"architectures": 5, "id2label": 7}', "[]", '{"id2label": [1]}'])
def test_a_config_that_is_no_models_gives_no_scores(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert not heads.gives_scores(tmp_path)


def test_a_vocabulary_of_empty_lists_is_not_compared(tmp_path: Path) -> None:
    text = '{"model":{"vocab":[' + "[]," * (auxiliary_models.MOST_TOKENIZER_ITEMS // 2) + "[]]}}"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_text(text)
    assert auxiliary_models.same_vocabulary(tmp_path / "one", tmp_path / "two") is None
