"""The order in which rows are learnt: a pure function of seed and epoch, so that a resumed run repeats it."""

from collections.abc import Iterator, Sequence

import numpy
from torch.utils.data import Sampler

BATCHES_SORTED_TOGETHER = 50  # as in transformers' LengthGroupedSampler


class RowOrder(Sampler[int]):
    """Indices of rows: `sequential`, `random`, or `group_by_length` (batches of rows of similar length).

    `lengths` are tokens a row; `batch_size` is rows an optimiser step. accelerate calls `set_epoch`.
    """

    def __init__(self, strategy: str, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.strategy = strategy
        self.lengths = numpy.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices().tolist())

    def indices(self) -> numpy.ndarray:
        """Every row once, in this epoch's order."""
        if self.strategy == "sequential":
            return numpy.arange(len(self.lengths))
        rng = numpy.random.default_rng([self.seed, self.epoch])
        shuffled = rng.permutation(len(self.lengths))
        return shuffled if self.strategy == "random" else self._grouped(shuffled, rng)

    def _grouped(self, shuffled: numpy.ndarray, rng: numpy.random.Generator) -> numpy.ndarray:
        group_size = self.batch_size * max(1, min(len(shuffled) // (self.batch_size * 4), BATCHES_SORTED_TOGETHER))
        groups = [shuffled[start : start + group_size] for start in range(0, len(shuffled), group_size)]
        ordered = numpy.concatenate([group[numpy.argsort(-self.lengths[group], kind="stable")] for group in groups])
        full = len(ordered) // self.batch_size
        batches = ordered[: full * self.batch_size].reshape(full, self.batch_size)
        order = rng.permutation(full)  # or long rows would be learnt first in each group, and short ones last
        if self.epoch == 0 and full >= 3:
            order = self._short_batch_first(batches, order)
        return numpy.concatenate([batches[order].ravel(), ordered[full * self.batch_size :]])

    def _short_batch_first(self, batches: numpy.ndarray, order: numpy.ndarray) -> numpy.ndarray:
        """The shortest full batch, then the one with the longest row, then the rest.

        The first point of the loss curve shows soon, and a batch that does not fit into memory fails at step two.
        """
        longest = self.lengths[batches].max(axis=1)
        first = int(longest.argmin())
        second = int(numpy.where(numpy.arange(len(longest)) == first, -1, longest).argmax())
        return numpy.concatenate([[first, second], order[~numpy.isin(order, (first, second))]])
