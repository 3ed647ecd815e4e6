"""Answers in batches are those that `generate` gives one by one; likelihoods are those of a plain forward pass."""

from pathlib import Path

import pytest
import torch

from engine.workers.evaluate import likelihood, written
from engine.workers.evaluate.written import Asking
from engine.workers.serve import load
from engine.workers.serve.load import Loaded
from engine.workers.tokens.row_tokens import NOT_LEARNT

TEXTS = [" ".join(["lazy dog"] * (1 + number % 7)) + f" {number}" for number in range(20)]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> Loaded:
    return load.load({"model_path": str(tiny_model), "names": {"base": load.BASE}, "dtype": "float32"})


def test_answers_in_batches_are_those_that_generate_gives_one_by_one(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, tokenizer = loaded.voices["base"], loaded.tokenizer
    prompts = [tokenizer(text)["input_ids"] for text in TEXTS]
    asked = [Asking(prompt, 4 + number % 9) for number, prompt in enumerate(prompts)]
    said = written.answers(voice, tokenizer, asked, lambda: None)
    for one, answer in zip(asked, said, strict=True):
        ids = torch.tensor([one.prompt])
        whole = voice.network.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=one.most,
            eos_token_id=sorted(voice.eos_ids), pad_token_id=tokenizer.pad_token_id,
        )[0, len(one.prompt) :].tolist()  # fmt: skip
        is_ended = whole[-1] in voice.eos_ids
        assert (answer.tokens, answer.is_cut) == (len(whole), not is_ended)
        shown = whole[:-1] if is_ended else whole
        assert answer.text == tokenizer.decode(shown, skip_special_tokens=True)
    monkeypatch.setattr(written, "READ_TOKENS", 40)  # prompts in several groups, which are joined
    assert written.answers(voice, tokenizer, asked, lambda: None) == said


def test_likelihoods_are_those_of_a_plain_forward_pass(loaded: Loaded) -> None:
    voice, tokenizer = loaded.voices["base"], loaded.tokenizer
    texts = []
    for number, text in enumerate(TEXTS):
        ids = tokenizer(text)["input_ids"]
        texts.append((ids, [NOT_LEARNT] * (number % 3) + ids[number % 3 :]))
    found = likelihood.likelihoods(voice, texts, lambda: None)
    for (ids, labels), (total, count) in zip(texts, found, strict=True):
        with torch.inference_mode():
            logits = voice.network(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
        places = [place for place in range(1, len(ids)) if labels[place] != NOT_LEARNT]
        assert count == len(places)
        assert total == pytest.approx(sum(float(logits[place - 1, ids[place]]) for place in places), abs=1e-4)
