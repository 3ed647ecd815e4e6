"""Answers that say nothing, or a single word."""

import numpy as np
import pyarrow.compute as pc

from engine.rows.health.batch import Batch, Mask
from engine.rows.health.check import NOTHING_TO_JUDGE, Check, CheckContext, Findings, RowFinder

MOSTLY = 0.5  # with more one-word answers than that they are meant, as for sorting texts into classes
_SAYS_NOTHING = r"^[\pZ\pC\s]*$"
# One word of a script that writes spaces. A sentence in Chinese, Japanese or Thai has none, and is no single word.
_ONE_WORD = r"^\s*[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]{1,60}\s*$"


def empty(batch: Batch) -> Mask | None:
    """Rows whose answer has no visible sign."""
    return _matching(batch, _SAYS_NOTHING)


def one_word(batch: Batch) -> Mask | None:
    """Rows whose whole answer is a single word, a number or a sign."""
    return _matching(batch, _ONE_WORD)


def _matching(batch: Batch, pattern: str) -> Mask | None:
    if batch.answer.null_count == len(batch):
        return None
    matches = pc.match_substring_regex(batch.answer, pattern=pattern).fill_null(False)
    return np.asarray(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)


class _OneWord(RowFinder):
    def __init__(self, _context: CheckContext) -> None:
        super().__init__(one_word)
        self._answers = 0

    def see(self, batch: Batch) -> None:
        super().see(batch)
        self._answers += len(batch) - batch.answer.null_count

    def findings(self) -> Findings:
        findings = super().findings()
        if len(findings.positions) <= MOSTLY * self._answers:
            return findings
        share = f"{100 * len(findings.positions) / self._answers:.0f} %"
        note = f"{share} of the answers are single words: taken as meant (labels, choices, numbers), not counted."
        return Findings(NOTHING_TO_JUDGE.positions, note=note)


EMPTY = Check(
    name="empty_answers",
    title="Empty answers",
    means="An empty answer teaches the model to answer with nothing.",
    weight=15,
    fix="drop",
    fix_label="Drop these rows",
    begin=lambda _: RowFinder(empty),
)
ONE_WORD = Check(
    name="one_word_answers",
    title="One-word answers",
    means="A few one-word answers among longer ones teach the model to be curt where it should explain.",
    weight=5,
    fix="drop",
    fix_label="Drop these rows",
    begin=_OneWord,
)
