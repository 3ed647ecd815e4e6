"""Leakage: rows held out for the proof that were also learnt, word for word or nearly."""

from dataclasses import dataclass

LONGEST = 100_000  # characters of a text that are looked at
TEXTS_AT_ONCE, CHARACTERS_AT_ONCE = 1024, 4_000_000
MOST_LOOKED_AT = 64  # texts of one band that one learnt text is compared with: a bound for hostile data


@dataclass(frozen=True)
class Leakage:
    """Positions of held-out texts that were learnt: `exact` ones (case, blanks and punctuation aside), and `near` ones,
    of which at least four fifths of the word runs are the same. No position is in both."""

    exact: list[int]
    near: list[int]
    checked: int
