"""Answers of one side: greedy, many at once, by the batch code of the studio's own server.

Questions go in fixed batches, shorter ones first: what shares a batch changes the last bits of its scores, so the same
questions have to meet each time, after a kill as well. Rows that end leave their batch (engine.workers.serve.batch).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from engine.workers.serve.batch import MOST_ROWS, Lane
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Answer as Row
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampling

READ_TOKENS = 8192  # of prompts with their padding, read at once
GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True)
class Asking:
    """One question: its tokens, how many an answer may have, and whether special tokens are shown (calls of tools)."""

    prompt: list[int]
    most: int
    shows_special: bool = False


@dataclass(frozen=True)
class Answer:
    """What was said; `is_cut` when it had not come to its end."""

    text: str
    is_cut: bool
    tokens: int


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of questions that are answered together: those of similar length."""
    ordered = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    for start in range(0, len(ordered), MOST_ROWS):
        yield ordered[start : start + MOST_ROWS]


@torch.inference_mode()
def answers(voice: Voice, tokenizer: Any, asked: Sequence[Asking], each_step: Callable[[], None]) -> list[Answer]:
    """An answer to each question. `each_step` may raise, to end the work.

    Raises RuntimeError as torch does, when the memory does not suffice.
    """

    def goes_on() -> bool:
        each_step()
        return True

    return answers_while(voice, tokenizer, asked, goes_on)


def answers_while(voice: Voice, tokenizer: Any, asked: Sequence[Asking], goes_on: Callable[[], bool]) -> list[Answer]:
    """The same for whoever has switched gradients off; after a step where `goes_on` says no, all answers are cut."""
    said = [_Said(voice, asking) for asking in asked]
    _write(said, tokenizer, goes_on)
    return [answer.whole() for answer in said]


def _write(said: "Sequence[_Said]", tokenizer: Any, goes_on: Callable[[], bool]) -> None:
    lanes: list[Lane] = []
    for group in _read_together([answer.question for answer in said]):
        several = Several(group, tokenizer)
        while several.pending or several.is_unread:
            several.step()
            if not goes_on():
                return
        lanes.append(several)
    lanes = _joined([lane for lane in lanes if lane.rows])
    while lanes := [lane for lane in lanes if lane.rows]:
        for lane in lanes:
            lane.step()
        if not goes_on():
            return


def _read_together(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Questions whose prompts are read at once: one by one where the model's cache knows no padding."""
    layers = DynamicCache(config=questions[0].voice.network.config).layers if questions else []
    plain = all(type(layer) is DynamicLayer for layer in layers)
    group: list[Question] = []
    for question in questions:
        width = max(len(one.prompt) for one in [*group, question])
        if group and (not plain or width * (len(group) + 1) > READ_TOKENS):
            yield group
            group = []
        group.append(question)
    if group:
        yield group


def _joined(lanes: list[Lane]) -> list[Lane]:
    """As few lanes as may be, neighbours first: each state is copied only a few times."""
    while True:
        pairs = [lanes[start : start + 2] for start in range(0, len(lanes), 2)]
        for pair in pairs:
            if len(pair) == 2 and pair[0].joins(pair[1]):
                pair[0].join(pair.pop())
        together = [lane for pair in pairs for lane in pair]
        if len(together) == len(lanes):
            return lanes
        lanes = together


class Several(Lane):
    """Rows of several questions, whose prompts are read at once, the shorter ones padded at the left."""

    def __init__(self, questions: Sequence[Question], tokenizer: Any) -> None:
        super().__init__(questions[0], tokenizer, [GreedyRow(question, 0, tokenizer) for question in questions])
        self.is_unread = len(questions) > 1
        if self.is_unread:
            self.pending = []
            width = max(len(question.prompt) for question in questions)
            self._padding = [width - len(question.prompt) for question in questions]
            self._lengths = [len(question.prompt) for question in questions]

    def step(self) -> None:
        if not self.is_unread:
            super().step()
            return
        self.is_unread = False
        self._take(self._read_all())

    def _take(self, scores: torch.Tensor) -> None:
        """The likeliest token of every row at once, the lowest of several: a row alone costs what a layer does."""
        super()._take(scores.argmax(dim=-1).cpu())

    def _read_all(self) -> torch.Tensor:
        """Scores (rows, tokens) of the token behind each prompt."""
        network, prompts = self.voice.network, [row.question.prompt for row in self.rows]
        self.voice.speak()
        rows = list(zip(self._padding, prompts, strict=True))
        ids = [[prompt[0]] * empty + prompt for empty, prompt in rows]
        positions = [[0] * empty + list(range(len(prompt))) for empty, prompt in rows]
        output = network(
            input_ids=torch.tensor(ids, device=network.device),
            position_ids=torch.tensor(positions, device=network.device),
            attention_mask=self._mask(network.device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return self.voice.known(output.logits[:, -1])


class GreedyRow(Row):
    """An answer that is told its tokens."""

    def take(self, scores: torch.Tensor) -> int:
        token = int(scores)
        self._tokens += 1
        self.question.produced += 1
        if token in self._end_ids:
            self._end("stop")
        else:
            self._emit(token)
        return token


class _Said:
    """Gathers the pieces of one answer."""

    def __init__(self, voice: Voice, asking: Asking) -> None:
        self._pieces: list[Piece] = []
        ending = Ending(asking.most)
        self.question = Question(
            voice, asking.prompt, GREEDY, ending, self._pieces.append, shows_special=asking.shows_special
        )

    def whole(self) -> Answer:
        finish = self._pieces[-1].finish if self._pieces else None
        if finish == "error":
            raise RuntimeError(self._pieces[-1].text)
        text = "".join(piece.text for piece in self._pieces)
        return Answer(text, finish != "stop", self.question.produced)
