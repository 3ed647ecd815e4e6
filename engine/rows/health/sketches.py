"""Short sketches of long texts: MinHash over runs of three words, so that alike texts have alike sketches.

Signatures by rensa (R-MinHash). 128 numbers a text in 16 bands of 8: two texts that share 80 % of their runs meet in a
band with a probability of 95 %, two that share half of them in 6 % of cases and are then told apart by the signature.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import rensa

from engine.rows.health.fingerprints import Hashes

NUMBERS, BANDS = 128, 16
ALIKE = 0.8  # share of equal numbers from which two texts are near duplicates (Jaccard, estimated to +- 0.04)
SEED = 20

_NO_WORD = r"[^\pL\pN\pM]+"
_NO_SPACES = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])"  # scripts that write words without spaces between
_SECOND, _THIRD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MIX = np.random.default_rng(SEED).integers(1, 2**63, NUMBERS // BANDS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


@dataclass(frozen=True)
class Sketch:
    """One row a text. `empty` rows have no word, and are like nothing."""

    signature: npt.NDArray[np.uint16]  # (rows, NUMBERS): the low half of each number is enough to compare
    bands: Hashes  # (rows, BANDS): texts with an equal number in a column may be alike
    empty: npt.NDArray[np.bool_]


def spaced(texts: pa.Array) -> pa.Array:
    """Each sign of a script without spaces becomes a word of its own."""
    return pc.replace_substring_regex(texts, pattern=_NO_SPACES, replacement=r" \1 ")


def normal(texts: pa.Array) -> pa.Array:
    """Small letters, words only, one space between them. Nulls stay nulls."""
    words = pc.replace_substring_regex(pc.utf8_lower(texts), pattern=_NO_WORD, replacement=" ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(spaced(words), pattern=" +", replacement=" "))


def sketch(texts: pa.Array) -> Sketch:
    """Sketches of texts as `normal` gives them. The same text has the same sketch on every machine."""
    hashes, offsets = _runs(pc.ascii_split_whitespace(texts))
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUMBERS, SEED)
    numbers = np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), NUMBERS)
    grouped = numbers.astype(np.uint64).reshape(len(texts), BANDS, NUMBERS // BANDS)
    return Sketch(numbers.astype(np.uint16), (grouped * _MIX).sum(axis=2, dtype=np.uint64), np.diff(offsets) == 0)


def _runs(words: pa.Array) -> tuple[Hashes, npt.NDArray[np.uint64]]:
    """Hashes of every three words in a row of each text (of all words where there are fewer), and where texts begin."""
    blank = pc.equal(words.flatten(), "")
    counts = np.asarray(pc.list_value_length(words), dtype=np.int64)
    hashes = _word_hashes(words.flatten())
    starts = np.cumsum(counts) - counts
    parents = np.repeat(np.arange(len(counts)), counts)
    position, length = np.arange(len(hashes)) - starts[parents], counts[parents]
    mixed = hashes + _ahead(hashes, 1, position, length) * _SECOND + _ahead(hashes, 2, position, length) * _THIRD
    kept = (position <= np.maximum(length - 3, 0)) & ~np.asarray(blank.to_numpy(zero_copy_only=False), dtype=np.bool_)
    sizes = np.bincount(parents[kept], minlength=len(counts))
    return mixed[kept], np.concatenate(([0], np.cumsum(sizes))).astype(np.uint64)


def _word_hashes(words: pa.Array) -> Hashes:
    """Each different word is hashed once: a text has far fewer different words than words."""
    encoded = words.dictionary_encode()
    word_hashes = (zlib.crc32(word.as_buffer()) for word in encoded.dictionary)
    table = np.fromiter(word_hashes, dtype=np.uint64, count=len(encoded.dictionary)) * _SECOND
    table ^= table >> np.uint64(29)
    return np.asarray(table[encoded.indices.to_numpy()] if len(table) else table, dtype=np.uint64)


def _ahead(hashes: Hashes, distance: int, position: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> Hashes:
    """The hash of the word so many places on; 0 behind the end of its text."""
    shifted = np.zeros_like(hashes)
    shifted[:-distance] = hashes[distance:]
    shifted[position + distance >= length] = 0
    return shifted
