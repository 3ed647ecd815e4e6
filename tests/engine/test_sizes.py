"""Bytes as people say them."""

import pytest

from engine import sizes


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (1500, "1.5 kB"),
        (99_960, "100 kB"),
        (269_000_000, "269 MB"),
        (999_600_000, "1 GB"),
        (4.2e9, "4.2 GB"),
        (20e9, "20 GB"),
        (3e12, "3 TB"),
        (12_345e12, "12345 TB"),
    ],
)
def test_bytes_stand_in_the_largest_unit_that_fits(size: float, words: str) -> None:
    assert sizes.in_words(size) == words
