"""Before a start: a model that stops elsewhere than its template, and tokens without an embedding."""

from typing import Any

import pytest

from engine.recipes.recipe import Recipe
from engine.train.rules import vocabulary
from engine.train.rules.problem import Problem
from engine.weights.token_facts import TokenFacts
from storage.tables import Dataset, Model

ENDS = {"turn_end": "<|im_end|>", "eos": ["<|endoftext|>"], "eos_ids": [2, 0], "pad": "<|endoftext|>"}
AGREES = {**ENDS, "eos": ["<|im_end|>"], "tokens": 322, "embeddings": 320}
BEYOND = {**AGREES, "beyond": ["<tool_x>", "<tool_y>"], "beyond_count": 2}


def problems(facts: dict[str, Any] | None, kind: str = "chat", **recipe: Any) -> list[Problem]:
    """What the rules say of a model with these facts."""
    found = TokenFacts(**facts).model_dump() if facts is not None else None
    model = Model(source="path", source_id="/m", name="tiny", token_facts=found)
    dataset = Dataset(project_id="default", name="rows", kind=kind)
    asked = Recipe(**{"model_id": "m", "dataset_id": "d", **recipe})
    return [problem for rule in vocabulary.RULES for problem in rule(asked, model, dataset)]


def test_a_model_that_fits_itself_or_was_not_looked_at_yet_has_no_problem() -> None:
    assert problems(None) == []
    assert problems(AGREES) == []
    assert problems({"problem": "Its folder is not there."}) == []


def test_that_template_and_eos_disagree_is_a_remark_where_rows_are_written_as_chats() -> None:
    (remark,) = problems(ENDS)
    assert (remark.field, remark.level) == ("model_id", "warning")
    assert remark.message == (
        "The chat template of tiny ends a turn with `<|im_end|>`; its own files stop at `<|endoftext|>`."
    )
    assert "the result says so in generation_config.json" in remark.hint
    assert problems(ENDS, kind="text", method="cpt") == []
    assert problems(ENDS, kind="preference", method="reward") == []
    (spelled,) = problems({**AGREES, "turn_end": None, "written": "</turn>"})
    assert "ends a turn with `</turn>`, which is not one token" in spelled.message


@pytest.mark.parametrize(
    ("tuning", "words", "instead"),
    [
        ("lora", "vLLM does not", {}),
        ("qlora", "vLLM does not", {}),
        ("full", "the result is a model of that size", {}),
        ("ia3", "Tuning ia3 cannot train rows with these tokens", {"tuning": "lora"}),
    ],
)
def test_tokens_without_an_embedding_are_said_with_what_follows(
    tuning: str, words: str, instead: dict[str, str]
) -> None:
    (remark,) = problems(BEYOND, tuning=tuning)
    assert (remark.field, remark.level, remark.instead) == ("tuning", "warning", instead)
    assert remark.message == "tiny has no embedding for `<tool_x>`, `<tool_y>` of its tokenizer."
    assert words in remark.hint


def test_padding_without_an_embedding_is_no_remark_and_no_padding_at_all_is_an_error() -> None:
    assert problems({**AGREES, "pad": "[PAD]", "beyond": ["[PAD]"], "beyond_count": 1}) == []
    (error,) = problems({"turn_end": "<|im_end|>", "eos": ["<|im_end|>"], "pad": None})
    assert error.level == "error"
    assert "neither an end of a sequence nor a padding token" in error.message
