"""Computes answers, several at once. One thread owns the network; everybody else hands it questions.

A question becomes a lane: its prompt is read in pieces, then every turn adds one token to each of its answers. Lanes
of the same voice are joined into one batch as soon as their prompts are read, and lanes of different voices take
turns, so two chats side by side stream at the same time. A seeded question keeps a lane of its own: what shares its
batch would change the last bits of its scores, and so its tokens.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Answer, Question
from engine.workers.serve.reading import PromptLane, groups

T = TypeVar("T")

PREFILL_TOKENS = 512  # of a prompt, at once: bounds memory, and lets others have a turn
MOST_ROWS = 32


class Asks(Protocol):
    """Whoever computes answers: the batch here, or the one of engine.workers.serve.gguf."""

    def ask(self, *questions: Question) -> None:
        """Questions of one request. Their sinks are told what comes."""


class Turns(Protocol):
    """What the batch gives turns to, until it has no rows."""

    rows: list[Any]  # each with `fail(message)`
    voice: Voice

    def step(self) -> None:
        """One turn, of bounded length."""


class Lane:
    """Rows that are computed together, with their cache of keys and values."""

    def __init__(self, question: Question, tokenizer: Any, rows: list[Answer] | None = None) -> None:
        self.voice = question.voice
        self.rows = rows or [Answer(question, index, tokenizer) for index in range(question.n)]
        self.pending = list(question.prompt)
        self.alone = question.sampling.seed is not None
        self._cache = DynamicCache(config=self.voice.network.config)
        self._lengths = [0] * question.n
        self._next: list[int] = []
        self._padding = [0] * question.n  # empty places at the left of each row

    def step(self) -> None:
        """Reads a piece of the prompt, or adds one token to every row. Rows that ended are dropped."""
        if all(row.question.cancelled for row in self.rows):
            self.rows = []
        elif self.pending:
            self._read()
        else:
            self._take(self._forward([[token] for token in self._next]))

    def _read(self) -> None:
        piece, self.pending = self.pending[:PREFILL_TOKENS], self.pending[PREFILL_TOKENS:]
        scores = self._forward([piece])
        if self.pending:
            return
        if len(self.rows) > 1:
            self._cache.batch_repeat_interleave(len(self.rows))
        self._take(scores.expand(len(self.rows), -1))

    def _forward(self, tokens: list[list[int]]) -> torch.Tensor:
        """Scores of the next token, a row each, from (rows, new tokens)."""
        network, new_count = self.voice.network, len(tokens[0])
        self.voice.speak()
        starts = self._lengths[: len(tokens)]
        positions = torch.tensor([list(range(start, start + new_count)) for start in starts], device=network.device)
        self._lengths = [length + new_count for length in self._lengths]
        output = network(
            input_ids=torch.tensor(tokens, device=network.device),
            position_ids=positions,
            attention_mask=self._mask(network.device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return self.voice.known(output.logits[:, -1])

    def _mask(self, device: torch.device) -> torch.Tensor | None:
        if not any(self._padding):
            return None
        rows = zip(self._padding, self._lengths, strict=True)
        return torch.tensor([[0] * empty + [1] * length for empty, length in rows], device=device)

    def _take(self, scores: torch.Tensor) -> None:
        self._next = [row.take(row_scores) for row, row_scores in zip(self.rows, scores, strict=True)]
        kept = [index for index, row in enumerate(self.rows) if not (row.done or row.question.cancelled)]
        if len(kept) < len(self.rows):
            self._keep(kept)

    def _keep(self, kept: list[int]) -> None:
        self.rows = [self.rows[index] for index in kept]
        self._next = [self._next[index] for index in kept]
        self._lengths = [self._lengths[index] for index in kept]
        self._padding = [self._padding[index] for index in kept]
        if kept:
            self._cache.batch_select_indices(torch.tensor(kept, device=self.voice.network.device))
            self._trim(min(self._padding))

    def _trim(self, empty: int) -> None:
        """Drops columns that are padding in every row."""
        if not empty:
            return
        self._padding = [padding - empty for padding in self._padding]
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[:, :, empty:], layer.values[:, :, empty:]

    def joins(self, other: "Lane") -> bool:
        """Whether `other` can become part of this lane. Only plain caches can: others know no padding."""
        if self.alone or other.alone or self.pending or other.pending or not self.voice.same(other.voice):
            return False
        layers = [*self._cache.layers, *other._cache.layers]
        return len(self.rows) + len(other.rows) <= MOST_ROWS and all(type(layer) is DynamicLayer for layer in layers)

    def join(self, other: "Lane") -> None:
        """Takes over the rows of `other`; the shorter of the two is padded at the left."""
        width = max(self._width(), other._width())
        own_padding, other_padding = width - self._width(), width - other._width()
        for layer, other_layer in zip(self._cache.layers, other._cache.layers, strict=True):
            layer.keys = torch.cat([_padded(layer.keys, own_padding), _padded(other_layer.keys, other_padding)])
            layer.values = torch.cat([_padded(layer.values, own_padding), _padded(other_layer.values, other_padding)])
        self._padding = [old + own_padding for old in self._padding] + [old + other_padding for old in other._padding]
        self._lengths += other._lengths
        self._next += other._next
        self.rows += other.rows

    def _width(self) -> int:
        return self._padding[0] + self._lengths[0]


def _padded(states: torch.Tensor, empty: int) -> torch.Tensor:
    """(rows, heads, places, size) with `empty` more places at the left."""
    return torch.nn.functional.pad(states, (0, 0, empty, 0)) if empty else states


class Chore(Generic[T]):
    """Work on the network itself, done in the batch's thread between two steps."""

    def __init__(self, work: Callable[[Sequence[Turns]], T]) -> None:
        self._work, self.done = work, Future[T]()

    def act(self, lanes: Sequence[Turns]) -> None:
        try:
            self.done.set_result(self._work(lanes))
        except Exception as error:  # noqa: BLE001  (whoever asked gets it; the thread goes on)
            self.done.set_exception(error)


class Batch:
    """The thread that computes. `ask` and `between_steps` may be called from anywhere."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._waiting: queue.SimpleQueue[Sequence[Question | Turns] | Chore[Any]] = queue.SimpleQueue()
        self._lanes: list[Turns] = []
        threading.Thread(target=self._run, name="batch", daemon=True).start()

    def ask(self, *questions: Question) -> None:
        """Questions of one request."""
        self._waiting.put(questions)

    def read(self, lanes: Sequence[Turns]) -> None:
        """Texts of one request, in groups."""
        self._waiting.put(lanes)

    def between_steps(self, work: Callable[[Sequence[Turns]], T]) -> Future[T]:
        """Does `work` while nothing is computed, with the lanes there are. What was asked before is among them."""
        chore = Chore(work)
        self._waiting.put(chore)
        return chore.done

    @torch.inference_mode()
    def _run(self) -> None:
        while True:
            self._admit()
            for lane in self._lanes:
                self._step(lane)
            begun = [rows for lane in self._lanes if isinstance(lane, PromptLane) for rows in lane.begun]
            self._lanes = [lane for lane in self._lanes if lane.rows]
            self._lanes += [Lane(rows[0].question, self._tokenizer, rows) for rows in begun]
            self._join()

    def _admit(self) -> None:
        """Takes in every waiting question; waits for one when there is nothing else to do."""
        while not self._lanes or not self._waiting.empty():
            waiting = self._waiting.get()
            if isinstance(waiting, Chore):
                waiting.act(self._lanes)
            else:
                self._take_in(waiting)

    def _take_in(self, works: Sequence[Question | Turns]) -> None:
        told: list[Question] = []
        for work in works:
            if not isinstance(work, Question):
                self._lanes.append(work)
            elif work.tells_prompt or work.ending.max_tokens == 0:
                told.append(work)
            else:
                self._lanes.append(Lane(work, self._tokenizer))
        for group in groups([len(question.prompt) for question in told]):
            self._lanes.append(PromptLane([told[number] for number in group], self._tokenizer))

    def _step(self, lane: Turns) -> None:
        try:
            lane.step()
        except (
            RuntimeError,
            ValueError,
            LookupError,
            TypeError,
        ) as error:  # out of memory, mostly: the server goes on
            for row in lane.rows:
                row.fail(f"{type(error).__name__}: {str(error)[:300]}")
            lane.rows = []

    def _join(self) -> None:
        joined: list[Turns] = []
        for lane in self._lanes:
            if not (isinstance(lane, Lane) and self._joined(lane, joined)):
                joined.append(lane)
        self._lanes = joined

    def _joined(self, lane: Lane, others: Sequence[Turns]) -> bool:
        host = next((other for other in others if isinstance(other, Lane) and other.joins(lane)), None)
        if host:
            host.join(lane)
        return host is not None
