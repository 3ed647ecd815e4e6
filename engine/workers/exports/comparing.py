"""Whether an exported form answers as the trained form does: the same prompts through both, token by token.

The trained form is base and adapter in float32. Its answers, and how likely it finds each of their tokens, are kept;
then it leaves the memory, and the exported form is asked the same. See engine.exports.parity for what may differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.exports import parity
from engine.exports.parity import Limit
from engine.workers.serve.parity import compare, prompts, served, trained
from engine.workers.serve.parity.prompts import Prompt
from engine.workers.tokens import turn_end
from engine.workers.tuning.model import load_tokenizer

LONGEST = 512  # tokens of a held-out prompt: what every token is likely to be takes memory
LARGEST_ROUNDING = 1.0  # nats of one token, where the weights have 8 bits of precision or more
FAR = 1.0  # share of perplexity: more is no rounding
ENDS_HINT = "It does not stop where the training taught it to: look at its end tokens (EOS)."


@dataclass(frozen=True)
class Said:
    """What the trained form says to one prompt, and the log-probability of each token but the first."""

    prompt: Prompt
    answer: trained.Answer
    scores: list[float]

    @property
    def tokens(self) -> list[int]:
        return [*self.answer.prompt, *self.answer.tokens]


class Form(Protocol):
    """An exported form that can be asked."""

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """A chat as the tokens it is read as."""

    def says(self, prompt: Sequence[int], most_tokens: int) -> list[int]:
        """The likeliest answer, token by token, without what ends it."""

    def scores(self, tokens: Sequence[int]) -> list[float]:
        """The log-probability of each token but the first."""


@dataclass(frozen=True)
class Trained:
    """What the trained form has said, and what is needed to read it when its network is gone."""

    said: list[Said]
    held_out: int
    ends: list[int]  # what ends an answer: the end of a turn first
    tokenizer: Any

    @property
    def end_ids(self) -> frozenset[int]:
        return frozenset(self.ends)

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens)))


class Transformers:
    """A form that transformers runs."""

    def __init__(self, voice: trained.Voice) -> None:
        self._voice = voice

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        return self._voice.prompt_tokens(prompt)

    def says(self, prompt: Sequence[int], most_tokens: int) -> list[int]:
        return self._voice.answer(prompt, most_tokens).tokens

    def scores(self, tokens: Sequence[int]) -> list[float]:
        return self._voice.scores(tokens)


def voice(network: Any, tokenizer_folder: Path, **options: Any) -> tuple[trained.Voice, Any]:
    """A network that speaks, with the tokenizer in a folder, which comes second."""
    tokenizer = load_tokenizer(tokenizer_folder, **options)
    turn_end.settle(network, tokenizer)
    return trained.Voice(network.eval(), tokenizer), tokenizer


def ask(network: Any, tokenizer_folder: Path, run_folder: str | None) -> Trained:
    """What the trained form says to the fixed prompts, and to rows that its training has held out."""
    speaker, tokenizer = voice(network, tokenizer_folder)
    questions = prompts.held_out(Path(run_folder), parity.ROWS) if run_folder else []
    held_out = [prompt for prompt in questions if len(speaker.prompt_tokens(prompt)) <= LONGEST]
    said = [_said(speaker, prompt) for prompt in (*prompts.fixed(), *held_out)]
    return Trained(said, len(held_out), turn_end.as_ids(network.generation_config.eos_token_id), tokenizer)


def _said(speaker: trained.Voice, prompt: Prompt) -> Said:
    answer = speaker.answer(speaker.prompt_tokens(prompt), parity.TOKENS)
    return Said(prompt, answer, speaker.scores([*answer.prompt, *answer.tokens]))


def compared(form: Form, other: Trained, limit: Limit, checked_by: str) -> dict[str, Any]:
    """The parity of a form with what the trained one has said, and whether it is within its limit."""
    differences, before, after = list[compare.Difference](), list[float](), list[float]()
    for said in other.said:
        ids = form.prompt_tokens(said.prompt)
        heard = served.Answer(ids, form.says(ids, parity.TOKENS))
        if difference := compare.difference(said.prompt, said.answer, heard, other):
            differences.append(difference)
        if ids == said.answer.prompt:
            before += said.scores
            after += form.scores(said.tokens)
    result = _numbers(differences, before, after, limit) | {
        "rows": len(other.said), "held_out": other.held_out, "max_tokens": parity.TOKENS, "checked_by": checked_by,
        "limit": parity.in_words(limit),
    }  # fmt: skip
    good = parity.is_good(result, limit)
    exact = limit.gap is not None and result["largest"] > LARGEST_ROUNDING
    return result | {"good": good, "cause": None if good else _cause(result, differences, (form, other), exact)}


def _numbers(
    differences: Sequence[compare.Difference], before: Sequence[float], after: Sequence[float], limit: Limit
) -> dict[str, Any]:
    apart = [abs(a - b) for a, b in zip(before, after, strict=True)]
    change = math.expm1((sum(before) - sum(after)) / len(before)) if before else math.nan
    told = [
        {
            "prompt": difference.prompt,
            "token": difference.at,
            "gap": difference.gap,
            "trained": difference.trained,
            "exported": difference.served,
        }
        for difference in differences[: parity.MOST_TOLD]
    ]
    tie = limit.gap or 0.0
    return {
        "identical": not differences, "differing": len(differences), "differs": told,
        "other_prompts": sum(difference.at is None for difference in differences),
        "unexplained": sum(difference.gap is None or difference.gap > tie for difference in differences),
        "largest": max(apart, default=math.nan), "tokens": len(before),
        "perplexity": math.exp(-sum(before) / len(before)) if before else math.nan, "perplexity_change": change,
    }  # fmt: skip


def _cause(
    result: dict[str, Any], differences: Sequence[compare.Difference], forms: tuple[Form, Trained], beyond: bool
) -> str:
    """What most likely makes it differ. `beyond`: one token differs by more than this type's rounding does."""
    form, other = forms
    if result["other_prompts"]:
        said = next(said for said in other.said if form.prompt_tokens(said.prompt) != said.answer.prompt)
        return _other_prompt(said.answer.prompt, form.prompt_tokens(said.prompt))
    if beyond or not result["perplexity_change"] <= FAR:
        return (
            "Its numbers are far from those that were trained: weights are missing or misplaced, such as a head that "
            "is one with the embeddings (tied) and should not be, or an adapter's scale."
        )
    if any(difference.gap is None for difference in differences):
        return ENDS_HINT
    return "Rounding of the weights (dtype) moves it further than this type should. Take one with more bits."


def _other_prompt(expected: Sequence[int], heard: Sequence[int]) -> str:
    if list(heard[1:]) == list(expected) or list(expected[1:]) == list(heard):
        word = "added" if len(heard) > len(expected) else "left out"
        return f"The token that begins a text (BOS) is {word}: tokenizer and chat template disagree about it."
    return "The prompt is read as other tokens: its chat template or its tokenizer is not that of the training."
