"""BLEU and chrF of one answer, by sacrebleu with its usual settings, from 0 to 100."""

from functools import cache
from typing import TYPE_CHECKING

from engine.evaluate.measures import text

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF


@cache
def _bleu() -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415  (400 modules that the window does not need)

    return BLEU(effective_order=True)  # one answer may be shorter than four words


@cache
def _chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415

    return CHRF()


def bleu(answer: str, expected: str) -> float:
    return float(_bleu().sentence_score(answer[: text.LONGEST], [expected[: text.LONGEST]]).score)


def chrf(answer: str, expected: str) -> float:
    return float(_chrf().sentence_score(answer[: text.LONGEST], [expected[: text.LONGEST]]).score)
