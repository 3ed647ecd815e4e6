"""How much of the expected text an answer shares: words, characters, the longest common sequence, repetition."""

from collections import Counter
from collections.abc import Sequence

from engine.evaluate.measures import text

MOST_WORDS = 4000
RUN = 4  # words (or characters) in a row that count as repeated when they come again


def f1(answer: Sequence[str], expected: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of a bag of words (SQuAD, Rajpurkar et al. 2016; articles are kept)."""
    if not answer or not expected:
        return float(not answer and not expected)
    common = sum((Counter(answer) & Counter(expected)).values())
    return 2 * common / (len(answer) + len(expected))


def rouge_l(answer: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of the longest common subsequence (Lin 2004, beta 1), as the package rouge-score gives it."""
    answer, expected = answer[:MOST_WORDS], expected[:MOST_WORDS]
    if not answer or not expected:
        return float(not answer and not expected)
    return 2 * longest_common(answer, expected) / (len(answer) + len(expected))


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence, a row of the table in one long number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for position, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << position
    everywhere = (1 << len(first)) - 1
    row = everywhere
    for word in second:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & everywhere
    return len(first) - row.bit_count()


def repetition(answer: str) -> float:
    """The share of runs of four words (characters where there are no spaces) that stood in the answer before."""
    units = text.characters(answer) if text.by_character(answer) else text.words(answer)
    runs = [tuple(units[start : start + RUN]) for start in range(len(units) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
