"""Computes answers with llama.cpp, several at once. One thread owns the library; everybody else hands it questions.

Every turn is one call of the library: a token for each answer that is being written, and a piece of the prompts that
wait. An answer has a place of its own in the context as long as it lasts; where all are taken, the others wait in line.
A seeded answer is read by itself: what shares its batch would change the last bits of its scores, and so its tokens.
"""

import queue
import threading
from collections.abc import Iterator, Sequence

import torch

from engine.workers.runtimes.library import Given, Opened
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Answer, Question, TokenScore
from engine.workers.serve.reading import SCORE_ROWS, token_scores

PIECE_TOKENS = 256  # of a prompt, at once: others get their turn in between


class Config:
    """What the server asks of a network's configuration."""

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size

    def get_text_config(self) -> "Config":
        return self


class LlamaNetwork:
    """Stands where a voice has its network: what the server may know of it."""

    def __init__(self, model: Opened) -> None:
        self.model, self.config = model, Config(model.vocabulary_size)


class Row:
    """One answer: what of its prompt is to be read, how much was, and its place in the context."""

    def __init__(self, question: Question, index: int, tokenizer: object) -> None:
        self.question = question
        self.answer = Answer(question, index, tokenizer)
        self.pending = list(question.prompt)
        self.place = 0
        self.sequence: int | None = None
        self._scores = [TokenScore(question.prompt[0], None, [])] if question.tells_prompt else []
        self._piece: list[int] = []

    @property
    def is_over(self) -> bool:
        return self.answer.done or self.question.cancelled

    @property
    def is_alone(self) -> bool:
        return self.question.sampling.seed is not None

    def given(self, most: int) -> list[Given]:
        """The tokens that it reads next, at most so many; they then count as read."""
        tells = self.question.tells_prompt and self.place < len(self.question.prompt)
        size = min(most, SCORE_ROWS if tells else PIECE_TOKENS)
        self._piece, self.pending = self.pending[:size], self.pending[size:]
        start, last = self.place, len(self._piece) - 1
        self.place += len(self._piece)
        return [
            Given(token, start + index, self.sequence or 0, tells or (index == last and not self.pending))
            for index, token in enumerate(self._piece)
        ]

    def take(self, scores: torch.Tensor) -> None:
        """What the library said behind the tokens that ask, a row each."""
        if self.place <= len(self.question.prompt):
            self._take_prompt(scores)
        if not self.pending and not self.answer.done:
            self.pending = [self.answer.take(scores[-1])]

    def _take_prompt(self, scores: torch.Tensor) -> None:
        prompt, start = self.question.prompt, self.place - len(self._piece)
        if self.question.tells_prompt and (following := prompt[start + 1 : self.place + 1]):
            self._scores += token_scores(scores[: len(following)], following, self.question.likeliest or 0)
        if not self.pending and (self.question.tells_prompt or self.question.ending.max_tokens == 0):
            self.answer.begin(self._scores)


class LlamaBatch:
    """The thread that computes. `ask` may be called from anywhere."""

    def __init__(self, voice: Voice, tokenizer: object) -> None:
        network: LlamaNetwork = voice.network
        self._model, self._tokenizer = network.model, tokenizer
        self._waiting: queue.SimpleQueue[Sequence[Question]] = queue.SimpleQueue()
        self._rows: list[Row] = []
        self._free = list(range(self._model.room.sequences))
        threading.Thread(target=self._run, name="batch", daemon=True).start()

    def ask(self, *questions: Question) -> None:
        """Questions of one request."""
        self._waiting.put(questions)

    @torch.inference_mode()
    def _run(self) -> None:
        while True:
            self._admit()
            self._leave()
            self._seat()
            for group in self._groups():
                self._turn(group)

    def _admit(self) -> None:
        """Takes in every waiting question; waits for one when there is nothing else to do."""
        while not self._rows or not self._waiting.empty():
            for question in self._waiting.get():
                self._rows += [Row(question, index, self._tokenizer) for index in range(question.n)]

    def _leave(self) -> None:
        """Those that ended give their place back."""
        for row in self._rows:
            if row.is_over and row.sequence is not None:
                self._model.forget(row.sequence)
                self._free.append(row.sequence)
        self._rows = [row for row in self._rows if not row.is_over]

    def _seat(self) -> None:
        """Gives free places to those that came first."""
        for row in self._rows:
            if row.sequence is None and self._free:
                row.sequence = self._free.pop()

    def _groups(self) -> Iterator[list[Row]]:
        """Rows that are read together."""
        seated = [row for row in self._rows if row.sequence is not None]
        together = [row for row in seated if not row.is_alone]
        yield from ([row] for row in seated if row.is_alone)
        if together:
            yield together

    def _turn(self, rows: Sequence[Row]) -> None:
        """One call of the library. Answers that are being written come before prompts, which share what is left."""
        left = self._model.room.batch
        asked: list[tuple[Row, list[Given]]] = []
        for row in sorted(rows, key=lambda row: len(row.pending) > 1):
            if given := row.given(left):
                asked.append((row, given))
                left -= len(given)
        try:
            scores = torch.from_numpy(self._model.read([one for _, given in asked for one in given]))
        except RuntimeError as error:
            for row, _ in asked:
                row.answer.fail(str(error))
            return
        start = 0
        for row, given in asked:
            count = sum(one.asks for one in given)
            self._take(row, scores[start : start + count])
            start += count

    def _take(self, row: Row, scores: torch.Tensor) -> None:
        try:
            row.take(scores)
        except (RuntimeError, ValueError, LookupError, TypeError) as error:  # of one answer: the others go on
            row.answer.fail(f"{type(error).__name__}: {str(error)[:300]}")
