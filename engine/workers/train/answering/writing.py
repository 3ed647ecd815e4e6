"""Answers of a model in training, greedy and all at once: they end when their time is up, and say how long it took."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.workers.evaluate import tokens_before, written
from engine.workers.evaluate.tokens_before import Prompted
from engine.workers.evaluate.written import Answer, Asking
from engine.workers.serve.load import Voice
from engine.workers.tokens import turn_end
from engine.workers.train.answering import undisturbed
from engine.workers.train.answering.time_share import Speed
from engine.workers.train.answering.undisturbed import Weights
from engine.workers.trainers.fast_sft import without_adapter
from engine.workers.tuning.adapters import puts_tokens_before

FEWEST_STEPS = 2  # one that reads, and one that writes


@dataclass(frozen=True)
class Written:
    """The answers, how fast they came, and whether they ended because their time was up."""

    answers: list[Answer]
    speed: Speed
    out_of_time: bool


class Writer:
    """Writes with the weights that the trainer has, or with others put in their place."""

    def __init__(self, trainer: Any, tokenizer: Any, ends: Callable[[], bool]) -> None:
        self.trainer, self.tokenizer, self.ends = trainer, tokenizer, ends

    def write(self, asked: Sequence[Asking], seconds: float, weights: Weights | None = None) -> Written:
        """An answer to each. Raises RuntimeError as torch does, when the memory does not suffice."""
        clock = _Clock(seconds, self.ends)
        with undisturbed.lent(self.trainer, weights) as model:
            answers = self._answers(model, asked, clock)
        return Written(answers, clock.speed(len(asked)), clock.is_over)

    def _answers(self, model: Any, asked: Sequence[Asking], clock: "_Clock") -> list[Answer]:
        plain = without_adapter(model)
        eos_ids = frozenset(turn_end.as_ids(plain.generation_config.eos_token_id))
        if puts_tokens_before(model):
            answers = tokens_before.answers_to(Prompted(model, self.tokenizer, eos_ids), asked)
            clock.steps = max(one.tokens for one in answers)
            return answers
        return written.answers_while(Voice(plain, None, eos_ids), self.tokenizer, asked, clock.goes_on)


class _Clock:
    """Counts the steps of an answer, and ends it."""

    def __init__(self, seconds: float, ends: Callable[[], bool]) -> None:
        self.began = self.read = time.monotonic()
        self.until, self.ends = self.began + seconds, ends
        self.steps = 0
        self.is_over = False

    def goes_on(self) -> bool:
        now = time.monotonic()
        self.read = self.read if self.steps else now
        self.steps += 1
        self.is_over = now >= self.until or self.ends()
        return not self.is_over

    def speed(self, prompts: int) -> Speed:
        """Where the parts were not seen apart, all of it counts as writing: a token then takes what reading does."""
        whole, reading = time.monotonic() - self.began, self.read - self.began
        if self.steps < FEWEST_STEPS or not reading:
            return Speed(0.0, whole / max(1, self.steps))
        return Speed(reading / max(1, prompts), (whole - reading) / (self.steps - 1))
