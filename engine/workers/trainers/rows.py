"""What our trainers have beside TRL's: an order of rows that can be repeated, a watch on the loss, no card."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy
import torch
from datasets import Dataset

from engine.workers.trainers.row_order import RowOrder

NOT_LEARNT = -100
MOST_COUNTED = 20_000_000  # tokens whose labels are counted before the first step: some 10 ms
LENGTHS_OF = ("input_ids", "chosen_ids", "rejected_ids", "prompt_ids")  # columns of token ids


class WatchedTrainer:
    """Stands before a trainer of TRL among the bases of a class.

    `watch` is called with every loss before it is learnt from, and may raise. `fast_loss` says whether the LM head is
    applied at the labelled positions alone, `packed` whether a sequence holds several rows. `usual_labels`: see
    engine.workers.trainers.fast_sft, which alone heeds it.
    """

    fast_loss: bool = False
    packed: bool = False
    usual_labels: float | None = None
    watch: Callable[[torch.Tensor], None] | None = None
    _total_train_tokens: float = 0

    def count_from(self, tokens: float) -> None:
        """Goes on counting where a resumed run was; TRL begins at zero again."""
        self._total_train_tokens = tokens

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = super().training_step(*args, **kwargs)  # type: ignore[misc]
        if self.watch is not None:
            self.watch(loss)
        return loss

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Leaves nothing behind when it fails: half a checkpoint takes the disk that was just missing."""
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"  # type: ignore[attr-defined]
        with ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
            super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]
            cleanup.pop_all()

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """As transformers does, in the precision there was: PEFT makes what it loads float32."""
        model = self.model  # type: ignore[attr-defined]
        dtypes = {name: weight.dtype for name, weight in model.named_parameters() if weight.requires_grad}
        super()._load_from_checkpoint(*args, **kwargs)  # type: ignore[misc]
        for name, weight in model.named_parameters():
            if name in dtypes:
                weight.data = weight.data.to(dtypes[name])

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: the result gets a card of its own, once."""


class RowTrainer(WatchedTrainer):
    """The same for trainers to which rows come as tokens."""

    args: Any
    train_dataset: Any
    strategy: str = "random"
    row_lengths: Sequence[int] = ()

    def order_rows(self, strategy: str, row_lengths: numpy.ndarray) -> None:
        """See engine.workers.trainers.row_order; `row_lengths` are tokens a row."""
        self.strategy, self.row_lengths = strategy, row_lengths.tolist()

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> RowOrder:
        per_step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        rows = train_dataset if train_dataset is not None else self.train_dataset
        row_lengths = self.row_lengths if len(self.row_lengths) == len(rows) else lengths(rows).tolist()
        return RowOrder(self.strategy, row_lengths, per_step, self.args.seed)


def lengths(rows: Dataset) -> numpy.ndarray:
    """Tokens in every row, of its longer side, from the offsets in the Arrow file; the tokens are not read."""
    columns = [_lengths(rows, name) for name in LENGTHS_OF if name in rows.column_names]
    return numpy.maximum.reduce(columns)


def learnt_tokens(rows: Dataset, most: int = MOST_COUNTED) -> float:
    """Learnt tokens of a row on average, of all rows in the Arrow file: chosen ones are taken to be like the others.

    Where there are more than `most` tokens, of every so many chunks of it.
    """
    chunks = rows.data.column("labels").chunks
    chunks = chunks[:: max(1, sum(len(chunk.flatten()) for chunk in chunks) // most)]
    learnt = sum(numpy.count_nonzero(chunk.flatten().to_numpy() != NOT_LEARNT) for chunk in chunks)
    return float(learnt / max(1, sum(len(chunk) for chunk in chunks)))


def _lengths(rows: Dataset, name: str) -> numpy.ndarray:
    chunks = rows.data.column(name).chunks
    all_rows = numpy.concatenate([numpy.diff(chunk.offsets.to_numpy()) for chunk in chunks])
    selected = rows._indices  # what `rows.select` chose, or None for every row
    return all_rows if selected is None else all_rows[selected.column(0).to_numpy()]
