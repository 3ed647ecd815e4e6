"""Lengths far from the dataset's own middle: pasted logs among chats, or answers that were cut off."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.rows.health.batch import Batch, Mask
from engine.rows.health.check import Check, CheckContext, Findings

FARTHEST = 3.5  # modified z-score (Iglewicz and Hoaglin, 1993), on the logarithm of the length
LEAST_SPREAD = 0.5  # of the logarithm: what is within six times the median, or a sixth, is never far
FEWEST_ROWS = 20  # below it there is no middle to speak of

Lengths = npt.NDArray[np.int64]


def characters(texts: pa.Array) -> Lengths:
    """Signs of each text; -1 where there is none."""
    return np.asarray(pc.fill_null(pc.utf8_length(texts), -1), dtype=np.int64)


def outliers(lengths: Lengths, short_too: bool) -> Mask:
    """Which lengths are far from the median. Lengths below 0 take no part."""
    known = lengths >= 0
    if known.sum() < FEWEST_ROWS:
        return np.zeros(len(lengths), dtype=np.bool_)
    logarithms = np.log1p(np.maximum(lengths, 0))
    middle = np.median(logarithms[known])
    spread = max(LEAST_SPREAD, float(np.median(np.abs(logarithms[known] - middle))) / 0.6745)
    score = (logarithms - middle) / spread
    return np.asarray(known & ((np.abs(score) if short_too else score) > FARTHEST))


class _Lengths:
    """Answers may be too long or too short, questions and whole texts too long."""

    def __init__(self, _context: CheckContext) -> None:
        self._question: list[Lengths] = []
        self._answer: list[Lengths] = []
        self._text: list[Lengths] = []

    def see(self, batch: Batch) -> None:
        self._question.append(characters(batch.question).astype(np.int32))
        self._answer.append(characters(batch.answer).astype(np.int32))
        self._text.append(characters(batch.text).astype(np.int32))

    def findings(self) -> Findings:
        if not self._text:
            return Findings(np.empty(0, np.int64))
        question, answer, text = (np.concatenate(batches) for batches in (self._question, self._answer, self._text))
        mask = outliers(question, False) | outliers(answer, True) | outliers(text, False)
        judged = next(lengths for lengths in (answer, question, text) if (lengths >= 0).any())
        median = int(np.median(judged[judged >= 0]))
        return Findings(np.flatnonzero(mask), details={"median_characters": median})


CHECK = Check(
    name="length_outliers",
    title="Unusual lengths",
    means="A row many times longer than the others is usually a mistake, and will be cut; a very short answer "
    "among long ones is often the rest of a broken one.",
    weight=5,
    fix="drop",
    fix_label="Drop these rows",
    begin=_Lengths,
)
