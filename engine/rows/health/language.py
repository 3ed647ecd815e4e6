"""Languages: which ones the rows are in, and rows that stray from them. Recognised by CLD2, without network."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pycld2

from engine.rows.health.batch import Batch
from engine.rows.health.check import Around, Check, Found

STRAY = 0.05  # a language that fewer rows are in is a mixture by mistake; with more it is meant
LOOKED_AT = 1000  # characters
UNKNOWN = ""
_SAME = {"zh-Hant": "zh", "zh-Hans": "zh"}
NAMES = {code: name.title() for name, code in pycld2.LANGUAGES} | {"zh": "Chinese", "en": "English"}


def language(text: str) -> str:
    """The language's code, such as "en"; "" where it is not clear, as for numbers, code and very short texts.

    CLD2 takes no control characters: `beginnings` leaves them out.
    """
    try:
        reliable, _, found = pycld2.detect(text)
    except pycld2.error:
        return UNKNOWN
    code = found[0][1]
    return _SAME.get(code, code) if reliable and code != "un" else UNKNOWN


def beginnings(texts: pa.Array) -> pa.Array:
    """As much of each text as is looked at."""
    return pc.replace_substring_regex(pc.utf8_slice_codeunits(texts, 0, LOOKED_AT), pattern=r"\pC+", replacement=" ")


class Languages:
    """Also counts languages for the statistics."""

    def __init__(self, _around: Around | None = None) -> None:
        self._codes: list[str] = [UNKNOWN]
        self._numbers: dict[str, int] = {UNKNOWN: 0}
        self._rows: list[np.ndarray[tuple[int], np.dtype[np.uint8]]] = []

    def see(self, batch: Batch) -> None:
        found = (self._number(language(text)) for text in beginnings(batch.body).to_pylist())
        self._rows.append(np.fromiter(found, np.uint8, len(batch)))

    def _number(self, code: str) -> int:
        if code not in self._numbers and len(self._codes) < 255:
            self._numbers[code] = len(self._codes)
            self._codes.append(code)
        return self._numbers.get(code, 0)

    def counts(self) -> dict[str, int]:
        """Rows by language, the most frequent first; "" are those that are not clear."""
        counted = Counter[str]()
        for rows in self._rows:
            counted.update({self._codes[n]: int(c) for n, c in enumerate(np.bincount(rows)) if c})
        return dict(counted.most_common())

    def found(self) -> Found:
        counts = self.counts()
        known = sum(count for code, count in counts.items() if code)
        stray = {code: count for code, count in counts.items() if code and count < STRAY * known}
        numbers = [self._numbers[code] for code in stray]
        rows = np.concatenate(self._rows) if self._rows else np.empty(0, np.uint8)
        named = {NAMES.get(code, code): count for code, count in stray.items()}
        return Found(np.flatnonzero(np.isin(rows, numbers)), details=named)


CHECK = Check(
    name="language_mix",
    title="Stray languages",
    means="A few rows in another language than the rest make the model switch languages without being asked.",
    weight=5,
    fix="drop",
    fix_label="Drop these rows",
    begin=Languages,
)
