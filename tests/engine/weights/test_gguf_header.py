"""Headers of GGUF files from strangers: a whole one is read, and a lying one is refused within a moment."""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import pytest
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from engine.errors import RefusedError
from engine.weights import gguf_header, gguf_model
from tests.engine.weights.gguf_headers import file, setting, tensor, text

MOMENT = 5.0  # of this process: what it would take otherwise is counted in hours


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < MOMENT


ARRAY = text("tokenizer.ggml.tokens") + struct.pack("<I", 9)
BROKEN: dict[str, tuple[dict[str, object], str]] = {
    "2**60 settings": ({"setting_count": 1 << 60}, "settings"),
    "2**60 tensors": ({"tensor_count": 1 << 60}, "1,152,921,504,606,846,976 tensors"),
    "a text of 2**60 bytes": ({"settings": [text("a") + struct.pack("<IQ", 8, 1 << 60)]}, "claims 1,152,921,504"),
    "an array of 2**60": ({"settings": [ARRAY + struct.pack("<IQ", 8, 1 << 60)]}, "claims 1,152,921,504"),
    "an array of arrays": ({"settings": [ARRAY + struct.pack("<IQ", 9, 5)]}, "array of the unknown type 9"),
    "a cut-off array": ({"settings": [ARRAY + struct.pack("<IQ", 8, 2_000_000)]}, "cut off in its header"),
    "an unknown type": ({"settings": [text("a") + struct.pack("<I", 99)]}, "unknown type 99"),
    "a setting twice": ({"settings": [setting("a", 1), setting("a", 2)]}, "the setting a twice"),
    "an unprintable name": ({"settings": [setting("a\x1b[2J", 1)]}, "a setting is called"),
    "a tensor of 2**40 rows": ({"tensors": [tensor("a", 32, 1 << 40)]}, "impossible shape"),
    "a tensor of 40 dimensions": ({"tensors": [tensor("a", *[1] * 40)]}, "40 dimensions"),
    "a tensor of nothing": ({"tensors": [tensor("a", 0)]}, "impossible shape"),
    "a type nobody has": ({"tensors": [tensor("a", 32, kind=4)]}, "unknown type 4"),
    "rows that no block divides": ({"tensors": [tensor("a", 40, kind=8)]}, "packs 32 at a time"),
    "tensors beyond the end": ({"tensors": [tensor("a", 64)], "data": 128}, "cut off: a ends at byte"),
    "many tensors on the same bytes": (
        {"tensors": [tensor(f"a{number}", 256, kind=19) for number in range(3)], "data": 64}, "lies on top of another",
    ),
    "a tensor twice": ({"tensors": [tensor("a", 8), tensor("a", 8, offset=32)], "data": 64}, "a tensor twice"),
    "an alignment of 3": ({"settings": [setting("general.alignment", 3)]}, "its alignment is 3"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_header_that_lies_is_refused_in_words(what: str, tmp_path: Path) -> None:
    asked, words = BROKEN[what]
    counts = {key: value for key, value in asked.items() if isinstance(value, int)}
    lists = {key: value for key, value in asked.items() if isinstance(value, list)}
    with pytest.raises(RefusedError) as refusal:
        gguf_header.read(file(tmp_path, lists.get("settings", ()), lists.get("tensors", ()), **counts))
    assert "`model.gguf` is not a complete GGUF file" in refusal.value.message
    assert words in refusal.value.message
    assert refusal.value.hint


def test_a_whole_header_is_read_and_any_shorter_file_is_refused(tmp_path: Path) -> None:
    settings = [setting("general.architecture", "llama"), setting("tokenizer.ggml.tokens", ["a", "b", "c"])]
    path = file(tmp_path, settings, [tensor("a", 32, 2, kind=8), tensor("b", 8, offset=96)], data=128)
    header = gguf_header.read(path)
    assert (header.values["general.architecture"], header.lengths["tokenizer.ggml.tokens"]) == ("llama", 3)
    assert header.tensors["a"].shape == (2, 32)
    assert (header.parameters, header.type) == (72, "Q8_0")
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(RefusedError):
            gguf_header.read(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 a zip", "does not begin with GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(32), "big-endian"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(32), "version 1"),
        (b"", "does not begin with GGUF"),
    ],
)
def test_what_is_something_else_is_said_to_be(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(RefusedError) as refusal:
        gguf_header.read(path)
    assert words in refusal.value.message


def test_a_pipe_and_a_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    for path in (tmp_path / "pipe.gguf", tmp_path):
        with pytest.raises(RefusedError, match="is not a plain file"):
            gguf_header.read(path)


def test_the_types_and_ways_of_cutting_are_those_of_the_libraries_that_read_them() -> None:
    sizes = {kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType}
    assert {number: sizes[number] for number in gguf_header.TYPES} == gguf_header.TYPES
    assert set(gguf_model.CUTS) - {"gpt-2", "smollm"} <= set(GGUF_PRE_TOKENIZER_SPLITS)


def test_an_architecture_that_is_not_taken_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = file(tmp_path, [setting("general.architecture", "mamba")])
    with pytest.raises(
        RefusedError, match=r"architecture 'mamba'; taken are llama \(Llama, SmolLM, Mistral\)"
    ) as refusal:
        gguf_model.check(gguf_header.read(path))
    assert "safetensors" in refusal.value.hint


def test_a_vocabulary_of_another_size_than_the_embeddings_is_refused(tmp_path: Path) -> None:
    settings = [
        setting("general.architecture", "llama"), setting("tokenizer.ggml.model", "gpt2"),
        setting("tokenizer.ggml.pre", "llama-bpe"), setting("tokenizer.ggml.tokens", ["a", "b"]),
        setting("tokenizer.ggml.merges", ["a b"]), setting("llama.embedding_length", 8),
        setting("llama.block_count", 1_000_000),
    ]  # fmt: skip
    path = file(tmp_path, settings, [tensor("token_embd.weight", 8, 3)], data=96)
    with pytest.raises(RefusedError, match=r"says llama.block_count 1000000, and has 0 layers"):
        gguf_model.check(gguf_header.read(path))
    settings[-1] = setting("llama.block_count", 0)
    with pytest.raises(RefusedError, match=r"says tokenizer.ggml.tokens 2, and has 3 rows"):
        gguf_model.check(gguf_header.read(file(tmp_path, settings, [tensor("token_embd.weight", 8, 3)], data=96)))
