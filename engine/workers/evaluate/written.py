"""Answers of one side: greedy, many at once, by the batch code of the studio's own server.

Questions go in fixed batches, shorter ones first: what shares a batch changes the last bits of its scores, so the same
questions have to meet each time, after a kill as well. Rows that end leave their batch (engine.workers.serve.batch).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from engine.workers.serve.batch import MOST_ROWS, Lane
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampling

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
def answers(voice: Voice, tokenizer: object, asked: Sequence[Asking], each_step: Callable[[], None]) -> list[Answer]:
    """An answer to each question. `each_step` may raise, to end the work.

    Raises RuntimeError as torch does, when the memory does not suffice.
    """
    said = [_Said(voice, asking) for asking in asked]
    lanes: list[Lane] = []
    for answer in said:
        lane = Lane(answer.question, tokenizer)
        while lane.pending:
            lane.step()
            each_step()
        host = next((other for other in lanes if other.joins(lane)), None)
        if host is not None and lane.rows:
            host.join(lane)
        else:
            lanes.append(lane)
    while lanes := [lane for lane in lanes if lane.rows]:
        for lane in lanes:
            lane.step()
        each_step()
    return [answer.whole() for answer in said]


class _Said:
    """Gathers the pieces of one answer."""

    def __init__(self, voice: Voice, asking: Asking) -> None:
        self._pieces: list[Piece] = []
        ending = Ending(asking.most)
        self.question = Question(
            voice, asking.prompt, GREEDY, ending, self._pieces.append, shows_special=asking.shows_special
        )

    def whole(self) -> Answer:
        last = self._pieces[-1]
        if last.finish == "error":
            raise RuntimeError(last.text)
        text = "".join(piece.text for piece in self._pieces)
        return Answer(text, last.finish == "length", self.question.produced)
