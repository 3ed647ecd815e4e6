"""Rows that hang together (turns of one conversation, rows of one family), added up: what is drawn again as one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """`totals`: the sum of the differences in each group; `sizes`: its rows."""

    totals: Floats
    sizes: Floats

    def __len__(self) -> int:
        return len(self.totals)

    @property
    def difference(self) -> float:
        """The mean over all rows."""
        return float(self.totals.sum() / self.sizes.sum())

    @property
    def spread(self) -> float:
        """The standard error of that mean, groups being what varies (a ratio's, linearised: Cochran 1977, 6.8)."""
        rest = self.totals - self.difference * self.sizes
        count = len(self)
        return float(np.sqrt(count / (count - 1) * (rest**2).sum()) / self.sizes.sum()) if count > 1 else 0.0

    @property
    def are_single_rows(self) -> bool:
        return bool((self.sizes == 1).all())


def grouped(differences: Floats, clusters: Sequence[int] | None) -> Groups:
    """Rows added up by the number of their cluster; each is its own without any."""
    if clusters is None:
        return Groups(differences, np.ones(len(differences)))
    _, group = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    return Groups(
        np.bincount(group, differences, count).astype(np.float64),
        np.bincount(group, minlength=count).astype(np.float64),
    )
