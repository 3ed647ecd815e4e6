"""Leakage: rows that also stand in the dataset the model is tested with."""

import numpy as np
import pyarrow.compute as pc

from engine.rows.health.batch import Batch, Mask, batches
from engine.rows.health.check import NOTHING_TO_JUDGE, Check, CheckContext, Findings
from engine.rows.health.fingerprints import Hashes, fingerprints
from engine.rows.health.sketch_store import SketchStore
from engine.rows.health.sketches import normal

FEWEST_WORDS = 3  # a question such as "Hello" stands in every dataset


class _Leakage:
    def __init__(self, context: CheckContext) -> None:
        self._against = context.against
        self._others: list[Hashes] = []
        self._own: list[Hashes] = []
        self._store = SketchStore(context.scratch, "leakage")
        for other in self._against:
            for batch in batches(other.path, other.kind):
                self._store.add(batch.sketch)
                self._others.append(_question_hashes(batch)[0])
        self._first = self._store.rows  # the sketches before it are the others'

    def see(self, batch: Batch) -> None:
        if self._against:
            self._store.add(batch.sketch)
            hashes, long_enough = _question_hashes(batch)
            self._own.append(np.where(long_enough, hashes, 0))

    def findings(self) -> Findings:
        try:
            return self._compared() if self._against and self._own else NOTHING_TO_JUDGE
        finally:
            self._store.close()

    def _compared(self) -> Findings:
        own = np.concatenate(self._own)
        others = np.concatenate(self._others) if self._others else np.empty(0, np.uint64)
        same = np.isin(own, others[others != 0])
        pairs = self._store.alike(left_out=np.empty(0, np.int64))
        across = pairs[(pairs[:, 0] >= self._first) & (pairs[:, 1] < self._first)]
        same[across[:, 0] - self._first] = True
        return Findings(
            np.flatnonzero(same), note="Compared with " + ", ".join(dataset.name for dataset in self._against) + "."
        )


def _question_hashes(batch: Batch) -> tuple[Hashes, Mask]:
    """Hashes of the questions, of the whole text where there is none, and which are long enough to tell anything."""
    questions = normal(batch.question) if batch.question.null_count < len(batch) else batch.words
    filled = questions.fill_null("")
    words = np.asarray(pc.count_substring(filled, " "), dtype=np.int64) + 1
    return fingerprints(filled), words >= FEWEST_WORDS


CHECK = Check(
    name="leakage",
    title="Leakage",
    means="Rows the model has learnt from prove nothing when it is tested with them: the result looks too good.",
    weight=15,
    fix="drop",
    fix_label="Drop these rows",
    begin=_Leakage,
)
