"""A question to the batch, and each of its answers while it is written: takes scores, gives text."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from engine.workers.serve.forms.guide import Grammar, GuideError
from engine.workers.serve.load import Voice
from engine.workers.serve.sample import Sampler, Sampling
from engine.workers.serve.text import StopFilter, TokenText

Finish = Literal["stop", "length", "error"]


@dataclass(frozen=True)
class TokenScore:
    """A token, its natural log-probability before penalties and filters, and the likeliest ones in its place.

    The first token of a prompt has no log-probability: nothing is before it.
    """

    token: int
    logprob: float | None
    likeliest: list[tuple[int, float]]


@dataclass(frozen=True)
class Piece:
    """New text of one choice; with `finish`, its last. For `error`, the text says what happened."""

    choice: int
    text: str
    finish: Finish | None = None
    scores: tuple[TokenScore, ...] = ()


@dataclass(frozen=True)
class Ending:
    """What ends an answer. Texts and tokens that stop it are not shown."""

    max_tokens: int  # 0: the prompt is only read
    min_tokens: int = 0
    stops: tuple[str, ...] = ()
    stop_ids: frozenset[int] = frozenset()
    ignore_eos: bool = False


@dataclass(eq=False)
class Question:
    """A prompt, and how many answers it wants. `sink` is called from the batch's thread."""

    voice: Voice
    prompt: list[int]
    sampling: Sampling
    ending: Ending
    sink: Callable[[Piece], None]
    n: int = 1
    likeliest: int | None = None  # tokens whose log-probability is wanted beside each token's own; None wants none
    shows_special: bool = False  # whether special tokens are shown as text
    tells_prompt: bool = False  # whether the log-probabilities of the prompt's tokens are told too
    grammar: Grammar | None = None  # what every answer keeps to
    cancelled: bool = False
    produced: int = 0  # tokens of all answers

    def end_ids(self) -> frozenset[int]:
        return self.ending.stop_ids | (frozenset() if self.ending.ignore_eos else self.voice.eos_ids)


class Answer:
    """One row of a batch."""

    def __init__(self, question: Question, index: int, tokenizer: Any) -> None:
        self.question, self.index = question, index
        self._sampler = Sampler(question.sampling, index, question.prompt)
        self._text = TokenText(tokenizer, question.ending.stops, question.shows_special)
        self._stop = StopFilter(question.ending.stops)
        self._end_ids = question.end_ids()
        self._guide = question.grammar.guide() if question.grammar else None
        self._tokens = 0
        self._scores: list[TokenScore] = []
        self.done = False

    def take(self, scores: torch.Tensor) -> int:
        """Draws the next token, tells the sink, and notices the end. After the end the token has no meaning."""
        try:
            return self._take(scores)
        except GuideError as error:  # other rows of the batch go on
            self.fail(str(error))
            return 0

    def _take(self, scores: torch.Tensor) -> int:
        too_early = self._tokens < self.question.ending.min_tokens
        kept = self._guide.kept(scores, () if too_early else self._end_ids) if self._guide else scores
        if kept is None:
            self._end("stop")
            return 0
        token = self._sampler.draw(kept, sorted(self._end_ids) if too_early else ())
        if self.question.likeliest is not None:
            self._scores.append(token_score(scores, token, self.question.likeliest))
        self._tokens += 1
        self.question.produced += 1
        if token in self._end_ids:
            self._end("stop")
        else:
            if self._guide:
                self._guide.took(token)
            self._emit(token)
        return token

    def begin(self, prompt: Sequence[TokenScore]) -> None:
        """The prompt's log-probabilities, told with the first text. Ends an answer that may have no token."""
        self._scores = list(prompt)
        if self.question.ending.max_tokens == 0:
            self._end("length")

    def _emit(self, token: int) -> None:
        piece = "".join(self._stop.add(text, is_shown) for text, is_shown in self._text.add(token))
        if self._stop.stopped or (self._guide and self._guide.is_over):
            self._end("stop", piece)
        elif self._tokens >= self.question.ending.max_tokens:
            self._end("length", piece)
        elif piece:
            self._tell(piece)

    def _end(self, finish: Finish, piece: str = "") -> None:
        if not self._stop.stopped:
            piece += self._stop.add(self._text.rest())
        if self._stop.stopped:
            finish = "stop"
        else:
            piece += self._stop.rest()
        self.done = True
        self._tell(piece, finish)

    def _tell(self, text: str, finish: Finish | None = None) -> None:
        scores, self._scores = tuple(self._scores), []
        self.question.sink(Piece(self.index, text, finish, scores))

    def fail(self, message: str) -> None:
        self.done = True
        self.question.sink(Piece(self.index, message, "error"))


def token_score(scores: torch.Tensor, token: int, likeliest: int) -> TokenScore:
    """From a row of scores as the network gives them."""
    logprobs = torch.log_softmax(scores.float(), dim=-1)
    values, tokens = torch.topk(logprobs, min(likeliest, len(logprobs)))
    pairs = zip(tokens.tolist(), map(finite, values.tolist()), strict=True)
    return TokenScore(token, finite(float(logprobs[token])), list(pairs))


def finite(logprob: float) -> float:
    """JSON has no infinity; OpenAI writes -9999 for what cannot be."""
    return logprob if math.isfinite(logprob) else -9999.0
