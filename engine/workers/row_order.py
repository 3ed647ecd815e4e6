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
        shuffled = numpy.random.default_rng([self.seed, self.epoch]).permutation(len(self.lengths))
        return shuffled if self.strategy == "random" else self._grouped(shuffled)

    def _grouped(self, shuffled: numpy.ndarray) -> numpy.ndarray:
        together = self.batch_size * max(1, min(len(shuffled) // (self.batch_size * 4), BATCHES_SORTED_TOGETHER))
        groups = [shuffled[start : start + together] for start in range(0, len(shuffled), together)]
        ordered = numpy.concatenate([group[numpy.argsort(-self.lengths[group], kind="stable")] for group in groups])
        return self._short_batch_first(ordered) if self.epoch == 0 else ordered

    def _short_batch_first(self, ordered: numpy.ndarray) -> numpy.ndarray:
        """The shortest full batch, then the one with the longest row, then the rest.

        The first point of the loss curve shows soon, and a batch that does not fit into memory fails at step two.
        """
        full = len(ordered) // self.batch_size
        if full < 3:
            return ordered
        batches = ordered[: full * self.batch_size].reshape(full, self.batch_size)
        longest = self.lengths[batches].max(axis=1)
        first, second = int(longest.argmin()), int(longest.argmax())
        rest = [index for index in range(full) if index not in (first, second)]
        return numpy.concatenate([batches[[first, second, *rest]].ravel(), ordered[full * self.batch_size :]])
