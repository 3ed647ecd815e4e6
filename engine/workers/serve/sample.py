"""Chooses the next token from a row of scores."""

from collections import Counter
from dataclasses import dataclass

import torch

NUCLEUS = 1024  # tokens looked at first for top_p; the whole vocabulary is sorted only when they do not suffice


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. The names and meanings are OpenAI's."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0


class Sampler:
    """Draws the tokens of one answer; with a seed, the same ones every time."""

    def __init__(self, sampling: Sampling, index: int = 0) -> None:
        self._sampling = sampling
        self._counts: Counter[int] = Counter()
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed((sampling.seed + index) % 2**63)

    def draw(self, scores: torch.Tensor) -> int:
        """A token from one row of scores over the vocabulary."""
        scores = self._penalised(scores.float().cpu())
        if self._sampling.temperature < 1e-4:
            token = _first_of_highest(scores)
        else:
            token = self._random_token(torch.softmax(scores / self._sampling.temperature, dim=-1))
        self._counts[token] += 1
        return token

    def _penalised(self, scores: torch.Tensor) -> torch.Tensor:
        """OpenAI's rule: a token's score falls with every time it was used, and once for being used at all."""
        frequency, presence = self._sampling.frequency_penalty, self._sampling.presence_penalty
        if not self._counts or not (frequency or presence):
            return scores
        scores = scores.clone()
        tokens = torch.tensor(list(self._counts))
        scores[tokens] -= frequency * torch.tensor([float(count) for count in self._counts.values()]) + presence
        return scores

    def _random_token(self, probabilities: torch.Tensor) -> int:
        if self._sampling.top_p >= 1:
            return int(torch.multinomial(probabilities, 1, generator=self._random))
        highest, tokens = _highest(probabilities, NUCLEUS)
        if highest.sum() < self._sampling.top_p:
            highest, tokens = torch.sort(probabilities, descending=True, stable=True)
        # A token stays when the ones before it have not yet reached top_p; the first one always stays.
        kept = highest * (highest.cumsum(-1) - highest < self._sampling.top_p)
        return int(tokens[torch.multinomial(kept, 1, generator=self._random)])


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
