"""A look at a model: what ends its answers, and which of its tokens have no embedding."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from engine.process import events
from engine.weights import token_facts
from engine.workers.models import look
from engine.workers.tokens import plain_tokenizer
from engine.workers.tokens.vocabulary import Vocabulary
from tests.workers.train.odd_models import make


def facts(model: Path, out: Path) -> token_facts.TokenFacts:
    out.mkdir(exist_ok=True)
    found = token_facts.of(look.work({"model": str(model), "cache": str(out / "cache"), "state": "s"}, out))
    assert found is not None
    return found


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_model_that_stops_elsewhere_than_its_template_says_both(tmp_path: Path) -> None:
    found = facts(make(tmp_path / "m"), tmp_path / "out")
    assert (found.turn_end, found.eos, found.eos_ids) == ("<|im_end|>", ["<|endoftext|>"], [2, 0])
    assert found.disagrees
    assert found.ends_with == "<|im_end|>"
    (remark,) = token_facts.remarks(found)
    assert "ends a turn with `<|im_end|>`, while its files stop at `<|endoftext|>`" in remark
    assert found.state == "s"


def test_what_generation_config_lists_is_believed(tmp_path: Path) -> None:
    model = make(tmp_path / "m")
    edit(model / "generation_config.json", eos_token_id=[2, 0])
    found = facts(model, tmp_path / "out")
    assert not found.disagrees
    assert found.eos == ["<|im_end|>", "<|endoftext|>"]
    assert token_facts.remarks(found) == []
    (model / "generation_config.json").unlink()  # then config.json says it
    edit(model / "config.json", eos_token_id=2)
    assert not facts(model, tmp_path / "out").disagrees


def test_tokens_without_an_embedding_are_named(tmp_path: Path) -> None:
    found = facts(make(tmp_path / "m", eos="<|im_end|>", added=("<tool_x>", "<tool_y>")), tmp_path / "out")
    assert (found.tokens - found.embeddings, found.beyond, found.beyond_count) == (2, ["<tool_x>", "<tool_y>"], 2)
    (remark,) = token_facts.remarks(found)
    assert "2 tokens without a row in its embeddings (320 rows): `<tool_x>`, `<tool_y>`." in remark
    many = make(tmp_path / "many", eos="<|im_end|>", added=tuple(f"<t{number}>" for number in range(9)))
    assert "`<t4>` and 4 more." in token_facts.remarks(facts(many, tmp_path / "out2"))[0]


def test_a_padding_token_without_an_embedding_is_no_reason_to_enlarge_them(tmp_path: Path) -> None:
    found = facts(make(tmp_path / "m", eos="<|im_end|>", added=("[PAD]",), pad="[PAD]"), tmp_path / "out")
    assert found.only_pad_is_beyond
    assert "Rows are padded with another token instead." in token_facts.remarks(found)[0]


@pytest.mark.parametrize(
    ("pad", "words"),
    [("<|endoftext|>", "<|endoftext|>"), ("<|im_end|>", "<|im_end|>, also an end"), (None, "<|im_end|>, also an end")],
)
def test_what_rows_are_padded_with_is_said(pad: str | None, words: str, tmp_path: Path) -> None:
    found = facts(make(tmp_path / "m", eos="<|im_end|>", pad=pad), tmp_path / "out")
    assert found.pad_in_words() == words
    assert token_facts.remarks(found) == []


def test_more_embeddings_than_tokens_are_usual(tmp_path: Path) -> None:
    found = facts(make(tmp_path / "m", eos="<|im_end|>", spare_rows=64), tmp_path / "out")
    assert found.embeddings - found.tokens == 64
    assert token_facts.remarks(found) == []


def test_a_plain_tokenizer_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    model = make(tmp_path / "m")
    found, expected = plain_tokenizer.read(model), Vocabulary.of(AutoTokenizer.from_pretrained(model))
    assert found is not None
    assert (found.template, found.special, found.specials) == (expected.template, expected.special, expected.specials)
    assert found.tokens.get_vocab() == expected.tokens.get_vocab()


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer_class": "Qwen2Tokenizer"},  # has defaults of its own
        {"eos_token": "<nowhere>"},  # transformers adds it
        {"extra_special_tokens": ["<x>"]},
    ],
)
def test_a_tokenizer_with_more_to_it_is_left_to_transformers(changes: dict[str, Any], tmp_path: Path) -> None:
    model = make(tmp_path / "m")
    edit(model / "tokenizer_config.json", **changes)
    assert plain_tokenizer.read(model) is None
    reads = facts(model, tmp_path / "out")
    assert reads.turn_end == "<|im_end|>"
    assert [event for event in events.read(tmp_path / "out")[0] if isinstance(event, events.Progress)]
