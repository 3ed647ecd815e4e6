"""Sides whose adapter puts tokens before every row (prompt and prefix tuning), asked by transformers' own `generate`.

The studio's server cannot switch such an adapter off, nor join rows that have it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine.workers import networks
from engine.workers.evaluate.likelihood import Likelihood, Text
from engine.workers.evaluate.written import Answer, Asking
from engine.workers.serve import load
from engine.workers.tokens import turn_end
from engine.workers.tokens.row_tokens import NOT_LEARNT


@dataclass(frozen=True)
class Prompted:
    """A base with such an adapter on it, and what ends its answers."""

    network: Any
    tokenizer: Any
    eos_ids: frozenset[int]


def opened(model_path: Path, adapter: Path, tokenizer: Any, device: str, dtype: torch.dtype) -> Prompted:
    """Loads both. Raises WorkFailedError where they do not fit."""
    base = networks.load(AutoModelForCausalLM, model_path, dtype=dtype)
    turn_end.settle(base, tokenizer)
    eos_ids = frozenset(turn_end.as_ids(base.generation_config.eos_token_id)) | load.saved_eos_ids(adapter)
    with load.must_fit(adapter):
        network = PeftModel.from_pretrained(base.to(device), str(adapter), is_trainable=False)
    return Prompted(network.eval(), tokenizer, eos_ids)


@torch.inference_mode()
def answers(side: Prompted, asked: Sequence[Asking], each_step: Callable[[], None]) -> list[Answer]:
    """An answer to each question, greedy, padded at the left."""
    each_step()
    return answers_to(side, asked)


def answers_to(side: Prompted, asked: Sequence[Asking]) -> list[Answer]:
    """The same for whoever has switched gradients off."""
    pad = side.tokenizer.pad_token_id
    width, most = max(len(one.prompt) for one in asked), max(one.most for one in asked)
    device = side.network.device
    ids = torch.tensor([[pad] * (width - len(one.prompt)) + one.prompt for one in asked], device=device)
    mask = torch.tensor([[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in asked], device=device)
    said = side.network.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=False,
        max_new_tokens=most,
        eos_token_id=sorted(side.eos_ids) or None,
        pad_token_id=pad,
    )
    whole = said.shape[1] >= width and torch.equal(said[:, :width], ids)  # some of these adapters give the answer alone
    new = said[:, width:] if whole else said
    return [_answer(side, one, row) for one, row in zip(asked, new.tolist(), strict=True)]


def _answer(side: Prompted, asking: Asking, tokens: list[int]) -> Answer:
    end = next((place for place, token in enumerate(tokens) if token in side.eos_ids), None)
    is_cut = end is None or end >= asking.most
    kept = tokens[: asking.most if is_cut else end]
    text = side.tokenizer.decode(kept, skip_special_tokens=not asking.shows_special)
    return Answer(text, is_cut, len(kept) + (not is_cut))


@torch.inference_mode()
def likelihoods(side: Prompted, texts: Sequence[Text], each_step: Callable[[], None]) -> list[Likelihood]:
    """Of each text's labelled tokens, one text at a time: there are few of these adapters."""
    likelihood_list: list[Likelihood] = []
    for ids, labels in texts:
        each_step()
        tokens = torch.tensor([ids], device=side.network.device)
        logits = side.network(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[0, -len(ids) :]
        places = [place for place, label in enumerate(labels[1:]) if label != NOT_LEARNT]
        rows = logits[places].float()
        label_ids = torch.tensor([labels[place + 1] for place in places], device=rows.device)[:, None]
        logprobs = rows.gather(1, label_ids)[:, 0] - torch.logsumexp(rows, dim=-1)
        likelihood_list.append((float(logprobs.double().sum()), len(places)))
    return likelihood_list
