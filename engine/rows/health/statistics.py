"""Numbers about a dataset for people: rows, characters, turns, roles, languages, and how long what is."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from engine.rows.health.batch import Batch
from engine.rows.health.fingerprints import Positions
from engine.rows.health.lengths import characters

MOST_TURNS = 12  # in a row; more are counted together
EDGES = [0, *(step * 10**power for power in range(9) for step in (1, 2, 5))]


class Statistics:
    """Sees every batch, then tells."""

    def __init__(self) -> None:
        self.rows = 0
        self.characters = 0
        self._roles: Counter[str] = Counter()
        self._turns: Counter[int] = Counter()
        self._lengths: dict[str, list[Positions]] = {"question": [], "answer": [], "text": []}

    def see(self, batch: Batch) -> None:
        self.rows += len(batch)
        self._roles.update(batch.roles)
        turns, counts = np.unique(np.minimum(batch.turns, MOST_TURNS), return_counts=True)
        self._turns.update(dict(zip(turns.tolist(), counts.tolist(), strict=True)))
        for name, texts in (("question", batch.question), ("answer", batch.answer), ("text", batch.text)):
            lengths = characters(texts)
            self._lengths[name].append(lengths[lengths >= 0].astype(np.int32))
        self.characters += int(self._lengths["text"][-1].sum(dtype=np.int64))

    def told(self, languages: Mapping[str, int]) -> dict[str, Any]:
        """Plain values: {"rows", "characters", "turns", "roles", "languages", "lengths"}."""
        lengths = {name: np.concatenate(parts) for name, parts in self._lengths.items() if parts}
        return {
            "rows": self.rows,
            "characters": self.characters,
            "turns": {str(turns): self._turns[turns] for turns in sorted(self._turns)} if self._roles else {},
            "roles": dict(self._roles.most_common()),
            "languages": dict(languages),
            "lengths": {name: spread(values) for name, values in lengths.items() if len(values)},
        }


def spread(lengths: Positions) -> dict[str, Any]:
    """How long texts are, in characters: median, 95th percentile, longest, and `bars` of [from, below, texts]."""
    low, high = bisect_right(EDGES, int(lengths.min())) - 1, bisect_right(EDGES, int(lengths.max()))
    edges = [*EDGES[low:high], EDGES[high] if high < len(EDGES) else 10 * EDGES[-1]]
    counts, _ = np.histogram(lengths, bins=edges)
    bars = [[start, end, int(count)] for (start, end), count in zip(pairwise(edges), counts, strict=True)]
    median, p95 = np.percentile(lengths, [50, 95])
    return {"median": int(median), "p95": int(p95), "longest": int(lengths.max()), "bars": bars}
