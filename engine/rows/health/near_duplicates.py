"""Near duplicates: rows of which at least four fifths are the same, word runs compared (MinHash and LSH)."""

import numpy as np

from engine.rows.health.batch import Batch
from engine.rows.health.check import Check, CheckContext, Findings
from engine.rows.health.fingerprints import Hashes, Positions, repeated
from engine.rows.health.sketch_store import Pairs, SketchStore


class _NearDuplicates:
    def __init__(self, context: CheckContext) -> None:
        self._store = SketchStore(context.scratch, "near")
        self._seen: list[Hashes] = []

    def see(self, batch: Batch) -> None:
        self._store.add(batch.sketch)
        self._seen.append(batch.fingerprint)

    def findings(self) -> Findings:
        try:
            exact, _ = repeated(np.concatenate(self._seen) if self._seen else np.empty(0, np.uint64))
            return Findings(*kept_once(self._store.alike(left_out=exact)))
        finally:
            self._store.close()


def kept_once(pairs: Pairs) -> tuple[Positions, Positions]:
    """The rows to drop so that no two kept ones are a pair, and for each the kept row it is like.

    In the order of the rows: one is dropped only if it is like an earlier one that stays, so that a chain of small
    changes does not take the whole chain with it.
    """
    twins: dict[int, int] = {}
    for later, earlier in pairs.tolist():
        if later not in twins and earlier not in twins:
            twins[later] = earlier
    return np.fromiter(twins, np.int64, len(twins)), np.fromiter(twins.values(), np.int64, len(twins))


CHECK = Check(
    name="near_duplicates",
    title="Near duplicates",
    means="Rows that differ in only a few words teach little more than one of them, but count as many.",
    weight=10,
    fix="drop",
    fix_label="Keep the first of each",
    begin=_NearDuplicates,
)
