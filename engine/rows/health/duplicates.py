"""Exact duplicates: rows that say the same, word for word, in the same roles."""

import numpy as np

from engine.rows.health.batch import Batch
from engine.rows.health.check import Check, CheckContext, Findings
from engine.rows.health.fingerprints import Hashes, repeated


class _Duplicates:
    def __init__(self, _context: CheckContext) -> None:
        self._seen: list[Hashes] = []

    def see(self, batch: Batch) -> None:
        self._seen.append(batch.fingerprint)

    def findings(self) -> Findings:
        repeats, first = repeated(np.concatenate(self._seen) if self._seen else np.empty(0, np.uint64))
        return Findings(repeats, first)


CHECK = Check(
    name="exact_duplicates",
    title="Exact duplicates",
    means="A row that is repeated counts several times: the model memorises it instead of learning from it.",
    weight=15,
    fix="drop",
    fix_label="Keep the first of each",
    begin=_Duplicates,
)
