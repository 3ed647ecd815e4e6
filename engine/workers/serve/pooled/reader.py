"""Vectors of texts: the last hidden state of a network, as a mean or of the last token, and a reward model's score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from engine.weights import files
from engine.workers.serve.load import Voice
from engine.workers.serve.pooled.scorer import Scorer
from engine.workers.serve.reading import Columns

Pooling = Literal["mean", "last"]


@dataclass(eq=False)
class Text:
    """Tokens that become a vector, or a score. `sink` is called from the batch's thread, with a text if it failed."""

    tokens: list[int]
    sink: Callable[[list[float] | str], None]

    def fail(self, message: str) -> None:
        self.sink(message)


class TextLane:
    """Texts of one request and of similar length, read together. A lane to the batch."""

    def __init__(self, voice: Voice, texts: Sequence[Text], pooling: Pooling) -> None:
        self.rows = list(texts)
        self.cancelled = False
        self.voice, self._pooling = voice, pooling
        self._columns = Columns(voice, [text.tokens for text in texts])
        self._sums: list[torch.Tensor | None] = [None] * len(texts)

    def step(self) -> None:
        """Reads a piece of every text; at the end, tells the vectors."""
        if self.cancelled:
            self.rows = []
            return
        start = self._columns.start
        states = _decoder(self.voice)(**self._columns.next_inputs()).last_hidden_state
        for number, text in enumerate(self.rows):
            first = 0 if self._pooling == "mean" else len(text.tokens) - 1 - start
            piece = states[number, max(first, 0) : max(len(text.tokens) - start, 0)].float()
            if len(piece) and first < states.shape[1]:
                before = self._sums[number]
                self._sums[number] = piece.sum(0) + (0 if before is None else before)
        if self._columns.is_over:
            self._tell()

    def _tell(self) -> None:
        for text, pooled in zip(self.rows, self._sums, strict=True):
            if pooled is None:  # no text is empty
                text.fail("The text was not read.")
            elif isinstance(self.voice, Scorer):
                text.sink(self.voice.scores(pooled))
            else:  # of a mean the length does not matter: it is normalised
                text.sink(torch.nn.functional.normalize(pooled, dim=0).tolist())
        self.rows = []


def _decoder(voice: Voice) -> torch.nn.Module:
    """The network without its head. Adapters are in its layers, and stay."""
    network = voice.network
    if hasattr(network, "get_base_model"):  # PEFT's wrapper, which calls something else its base_model
        network = network.get_base_model()
    decoder: torch.nn.Module = network.base_model
    return decoder


def pooling_of(folder: Path) -> Pooling | None:
    """How the model in a folder wants to be pooled, by sentence-transformers' file; the last token if it does not say.

    None is a way that is not known here.
    """
    config = files.read_json(folder / "1_Pooling", "config.json") or {}
    named = {name.removeprefix("pooling_mode_") for name, value in config.items() if value is True}
    modes = {mode for mode in named if mode.startswith(("mean", "last", "cls", "max", "weighted"))}
    if not modes or modes == {"lasttoken"}:
        return "last"
    return "mean" if modes == {"mean_tokens"} else None
