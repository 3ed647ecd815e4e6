"""Reads texts without going on with them: the log-probabilities of prompts, and what pooling needs.

Texts of one request are read together, shorter ones padded at the right: a token only looks at those before it, so no
padding is ever seen. They are read in pieces, so that others get their turn and memory is bounded: never are there
scores of the whole vocabulary for a whole long prompt.
"""

from collections.abc import Iterator, Sequence

import torch
from transformers import DynamicCache

from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Answer, Question, TokenScore, finite

READ_TOKENS = 512  # of all texts, at once
GROUP_TOKENS = 4096  # of texts that are read together, with their padding
SCORES = 1 << 24  # held at once: 64 MiB in float32
SCORE_ROWS = 64  # turned into log-probabilities at once


def groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts to be read together: of similar length, and not too many tokens."""
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: lengths[number]):
        if group and lengths[number] * (len(group) + 1) > GROUP_TOKENS:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


class Columns:
    """Several token lists of one voice, given to the network from the left, a few places of all of them at a time."""

    def __init__(self, voice: Voice, texts: Sequence[list[int]], most_places: int = READ_TOKENS) -> None:
        self.voice, self.width = voice, max(map(len, texts))
        self.start = 0  # places that were read
        self._places = max(1, min(READ_TOKENS, most_places) // len(texts))
        padded = [[*text, *[text[0]] * (self.width - len(text))] for text in texts]
        self._tokens = torch.tensor(padded, device=voice.network.device)
        # One piece needs no cache; and then layers that know no other than their own are computed as in training.
        self._cache = DynamicCache(config=voice.network.config) if self.width > self._places else None

    @property
    def is_over(self) -> bool:
        return self.start >= self.width

    def next_inputs(self) -> dict[str, object]:
        """What the network is given for the next piece, which then counts as read."""
        self.voice.speak()
        piece = self._tokens[:, self.start : self.start + self._places]
        positions = torch.arange(self.start, self.start + piece.shape[1], device=piece.device)
        self.start += piece.shape[1]
        return {
            "input_ids": piece,
            "position_ids": positions.expand(len(piece), -1),
            "past_key_values": self._cache,
            "use_cache": self._cache is not None,
        }


class PromptLane:
    """Questions of one request whose prompts' log-probabilities are wanted. A lane to the batch."""

    def __init__(self, questions: Sequence[Question], tokenizer: object) -> None:
        self.rows = [Answer(question, index, tokenizer) for question in questions for index in range(question.n)]
        self.begun: list[list[Answer]] = []  # answers that go on, a list for each question: they need a lane
        self._questions = list(questions)
        self.voice = voice = questions[0].voice
        count = int(voice.network.config.get_text_config().vocab_size)
        self._columns = Columns(voice, [question.prompt for question in questions], SCORES // count)
        self._scores = [[TokenScore(question.prompt[0], None, [])] for question in questions]
        self._last: list[torch.Tensor | None] = [None] * len(questions)  # scores of the token behind each prompt

    def step(self) -> None:
        """Reads a piece of every prompt; at the end, the answers begin."""
        if all(question.cancelled for question in self._questions):
            self.rows = []
            return
        start = self._columns.start
        scores = self._columns.voice.network(**self._columns.next_inputs()).logits
        for number, question in enumerate(self._questions):
            self._read(number, question, start, scores[number])
        if self._columns.is_over:
            self._begin()

    def _read(self, number: int, question: Question, start: int, scores: torch.Tensor) -> None:
        """`scores` (places, tokens) of one prompt, whose first place is the prompt's `start`-th token."""
        following = question.prompt[start + 1 : start + 1 + len(scores)]
        for first in range(0, len(following), SCORE_ROWS):
            targets = following[first : first + SCORE_ROWS]
            rows = question.voice.known(scores[first : first + len(targets)])
            self._scores[number] += token_scores(rows, targets, question.likeliest or 0)
        end = len(question.prompt) - start - 1
        if 0 <= end < len(scores):
            self._last[number] = question.voice.known(scores[end : end + 1])[0].clone()

    def _begin(self) -> None:
        for number, question in enumerate(self._questions):
            answers = [row for row in self.rows if row.question is question]
            for answer in answers:
                answer.begin(self._scores[number])
                if question.ending.max_tokens == 1 and (last := self._last[number]) is not None:
                    answer.take(last)
            if not all(answer.done for answer in answers):
                self.begun.append(answers)
        self.rows = []


def token_scores(scores: torch.Tensor, tokens: Sequence[int], likeliest: int) -> list[TokenScore]:
    """From rows of scores as the network gives them, one for each token."""
    scores = scores.float()
    totals = torch.logsumexp(scores, dim=-1, keepdim=True)
    token_ids = torch.tensor(tokens, device=scores.device)[:, None]
    logprobs = (scores.gather(1, token_ids) - totals)[:, 0].tolist()
    best, best_tokens = torch.topk(scores, min(likeliest, scores.shape[1]), dim=-1)
    best_logprobs = (best - totals).tolist()
    return [
        TokenScore(token, finite(logprob), list(zip(ids, map(finite, values), strict=True)))
        for token, logprob, ids, values in zip(tokens, logprobs, best_tokens.tolist(), best_logprobs, strict=True)
    ]
