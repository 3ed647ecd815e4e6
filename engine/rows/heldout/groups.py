"""Rows that belong together: the same words, one conversation, near duplicates. They are held out together, or learnt.

Every row has the key of its group, 64 bits that look like chance. A key follows from the words of the group's rows and
from the family of datasets alone: not from the order of rows, nor from rows outside the group.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.rows.health.fingerprints import Hashes, Positions
from engine.rows.health.sketch_store import Pairs

# A question that more rows ask is an instruction, and no conversation; a longer "conversation" is something else.
MOST_OF_A_QUESTION, MOST_OF_A_CONVERSATION = 16, 100
# More rows than this share that are all alike are written to a pattern: apart from it they say different things.
MOST_ALIKE, MOST_ALIKE_SHARE = 16, 0.01
NO_KEY = np.uint64(0)


@dataclass(frozen=True)
class Traits:
    """What is known of each row, as hashes; NO_KEY for what a row does not have."""

    words: Hashes
    opening: Hashes
    conversation: Hashes

    def __len__(self) -> int:
        return len(self.words)


def together(parts: Sequence[Traits]) -> Traits:
    """The rows of all parts, in their order."""
    names = ("words", "opening", "conversation")
    return Traits(
        *(np.concatenate([np.empty(0, np.uint64), *(getattr(part, name) for part in parts)]) for name in names)
    )


def groups(traits: Traits, alike: Pairs) -> tuple[Positions, int]:
    """For each row the number of its group, and how many rows are too much alike to be kept together."""
    same_words = _merged(len(traits), [_links(traits.words)])
    conversations = [_links(traits.opening, MOST_OF_A_QUESTION), _links(traits.conversation, MOST_OF_A_CONVERSATION)]
    one_talk = _merged(len(traits), [_links(traits.words), *conversations])
    one_talk, _ = _without_large(one_talk, same_words, MOST_OF_A_CONVERSATION)
    near = _merged(len(traits), [np.stack([np.arange(len(traits)), one_talk], axis=1), alike])
    return _without_large(near, one_talk, max(MOST_ALIKE, int(len(traits) * MOST_ALIKE_SHARE)))


def keys(words: Hashes, numbers: Positions, family: str) -> Hashes:
    """The key of each row's group: the smallest hash of its words, mixed anew, or small ones would be held out.

    `family` is the datasets' that agree on it.
    """
    smallest = np.full(int(numbers.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, numbers, words)
    of_family = np.frombuffer(hashlib.blake2b(family.encode(), digest_size=8).digest(), np.uint64)
    return splitmix64(smallest[numbers] ^ of_family)


def splitmix64(values: Hashes) -> Hashes:
    """SplitMix64 (Steele, Lea and Flood 2014): each bit of the result depends on every bit of the value."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _links(hashes: Hashes, most: int | None = None) -> Pairs:
    """Each row with the first of the same hash, where at most so many rows have it."""
    rows = np.flatnonzero(hashes != NO_KEY)
    _, firsts, group, counts = np.unique(hashes[rows], return_index=True, return_inverse=True, return_counts=True)
    kept = counts[group] > 1 if most is None else (counts[group] > 1) & (counts[group] <= most)
    return np.stack([rows[kept], rows[firsts[group[kept]]]], axis=1).astype(np.int64)


def _merged(count: int, links: Sequence[Pairs]) -> Positions:
    """The smallest position among all that are linked with each, directly or over others."""
    label = np.arange(count)
    pairs: npt.NDArray[np.int64] = np.concatenate([np.empty((0, 2), np.int64), *links])
    while len(pairs):
        smaller = np.minimum(label[pairs[:, 0]], label[pairs[:, 1]])
        np.minimum.at(label, label[pairs.ravel()], np.repeat(smaller, 2))
        while not np.array_equal(label, label[label]):
            label = label[label]
        pairs = pairs[label[pairs[:, 0]] != label[pairs[:, 1]]]
    return label


def _without_large(numbers: Positions, finer: Positions, most: int) -> tuple[Positions, int]:
    """Groups of more than `most` rows fall apart into the finer ones."""
    large = np.bincount(numbers, minlength=len(numbers))[numbers] > most
    large &= numbers != finer
    broken = np.isin(numbers, numbers[large])
    return np.where(broken, finer, numbers), int(broken.sum())
