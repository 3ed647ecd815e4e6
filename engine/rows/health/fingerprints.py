"""A number for a text, by which the same text is found again."""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]


def fingerprints(texts: pa.Array) -> Hashes:
    """64 bits of each text's BLAKE2b: among a million texts, two share them by chance once in 40 million tries."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts.to_pylist())
    return np.frombuffer(digests, dtype=np.uint64)


def repeated(hashes: Hashes) -> tuple[Positions, Positions]:
    """The positions of hashes seen before, and where each was first."""
    _, firsts, group = np.unique(hashes, return_index=True, return_inverse=True)
    own = np.arange(len(hashes))
    first = firsts[group].astype(np.int64)
    repeats = np.flatnonzero(first != own)
    return repeats, first[repeats]
