"""Chooses the next token from a row of scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

NUCLEUS = 1024  # tokens looked at first for top_p; the whole vocabulary is sorted only when they do not suffice
GREEDY_BELOW = 1e-4  # of temperature


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. OpenAI's names and meanings, and those of transformers for what OpenAI has not."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0  # 0 is all
    min_p: float = 0.0
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)


class Sampler:
    """Draws the tokens of one answer; with a seed, the same ones every time."""

    def __init__(self, sampling: Sampling, index: int = 0, prompt: Sequence[int] = ()) -> None:
        self._sampling = sampling
        self._counts: Counter[int] = Counter()
        self._biased = torch.tensor(list(sampling.logit_bias), dtype=torch.long)
        self._biases = torch.tensor(list(sampling.logit_bias.values()), dtype=torch.float32)
        self._seen = set(prompt) if sampling.repetition_penalty != 1 else set()
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed((sampling.seed + index) % 2**63)

    def draw(self, scores: torch.Tensor, forbidden: Sequence[int] = ()) -> int:
        """A token from one row of scores over the vocabulary, none of the forbidden ones."""
        scores = self.penalised(scores.float().cpu())
        if ids := [token for token in forbidden if token < len(scores)]:
            scores = scores.index_fill(0, torch.tensor(ids), -torch.inf)
        if self._sampling.temperature < GREEDY_BELOW:
            token = _first_of_highest(scores)
        else:
            probabilities, tokens = self.candidates(scores)
            drawn = int(torch.multinomial(probabilities, 1, generator=self._random))
            token = drawn if tokens is None else int(tokens[drawn])
        self._counts[token] += 1
        if self._sampling.repetition_penalty != 1:
            self._seen.add(token)
        return token

    def penalised(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores with biases, then penalties, in vLLM's order. What was said counts; for repetition the prompt, too."""
        sampling = self._sampling
        if sampling.logit_bias:
            scores = scores.index_add(0, self._biased, self._biases)
        if self._seen:
            # CTRL, arXiv:1909.05858, equation 1, as everybody computes it: negative scores are multiplied.
            tokens, penalty = torch.tensor(list(self._seen)), sampling.repetition_penalty
            seen = scores[tokens]
            scores = scores.index_put((tokens,), torch.where(seen < 0, seen * penalty, seen / penalty))
        frequency, presence = sampling.frequency_penalty, sampling.presence_penalty
        if self._counts and (frequency or presence):
            # OpenAI's rule: a token's score falls with every time it was used, and once for being used at all.
            scores = scores.clone()
            counts = torch.tensor([float(count) for count in self._counts.values()])
            scores[torch.tensor(list(self._counts))] -= frequency * counts + presence
        return scores

    def candidates(self, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weights of what may be drawn, and their tokens (None: all, in order). In transformers' order of filters."""
        sampling = self._sampling
        scores = scores / sampling.temperature
        tokens: torch.Tensor | None = None
        if sampling.top_k:
            scores, tokens = _highest(scores, sampling.top_k)
        weights = torch.softmax(scores, dim=-1)
        if sampling.top_p < 1:
            if tokens is None:
                weights, tokens = _nucleus(weights, sampling.top_p)
            # A token stays when the ones before it have not yet reached top_p; the first one always stays.
            weights = weights * (weights.cumsum(-1) - weights < sampling.top_p)
        if sampling.min_p:
            weights = weights * (weights >= sampling.min_p * weights.max())
        return weights, tokens


def _nucleus(probabilities: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """At least the tokens that make up top_p, from high to low."""
    highest, tokens = _highest(probabilities, NUCLEUS)
    if highest.sum() < top_p:
        return torch.sort(probabilities, descending=True, stable=True)
    return highest, tokens


def _highest(values: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The `count` highest values and their tokens, from high to low; of equal ones the lower token is first.

    Ties are common in bfloat16. torch.topk and argmax leave open which of them they name, so that a nucleus of one
    token would not be the greedy token.
    """
    if count >= len(values):
        return torch.sort(values, descending=True, stable=True)
    least = torch.topk(values, count, sorted=False).values.min()
    tokens = (values >= least).nonzero()[:, 0]
    highest, order = torch.sort(values[tokens], descending=True, stable=True)
    return highest[:count], tokens[order[:count]]


def _first_of_highest(scores: torch.Tensor) -> int:
    """The greedy token; of several with the same score the lowest."""
    return int((scores == scores.max()).nonzero()[0])
