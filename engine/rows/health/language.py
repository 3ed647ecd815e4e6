"""Languages: which ones the rows are in, and rows that stray from them. Recognised by CLD2, without network."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pycld2

from engine.rows.health.batch import Batch
from engine.rows.health.check import Check, CheckContext, Findings

STRAY = 0.05  # a language that fewer rows are in is a mixture by mistake; with more it is meant
SAMPLED_CHARACTERS = 1000
UNKNOWN = ""
_SAME = {"zh-Hant": "zh", "zh-Hans": "zh"}
NAMES = {code: name.title() for name, code in pycld2.LANGUAGES} | {"zh": "Chinese", "en": "English"}


def language(text: str) -> str:
    """The language's code, such as "en"; "" where it is not clear, as for numbers, code and very short texts.

    CLD2 takes no control characters: `beginnings` leaves them out.
    """
    try:
        reliable, _, detected = pycld2.detect(text)
    except pycld2.error:
        return UNKNOWN
    code = detected[0][1]
    return _SAME.get(code, code) if reliable and code != "un" else UNKNOWN


def beginnings(texts: pa.Array) -> pa.Array:
    """As much of each text as is looked at."""
    return pc.replace_substring_regex(
        pc.utf8_slice_codeunits(texts, 0, SAMPLED_CHARACTERS), pattern=r"\pC+", replacement=" "
    )


class Languages:
    """Also counts languages for the statistics."""

    def __init__(self, _context: CheckContext | None = None) -> None:
        self._codes: list[str] = [UNKNOWN]
        self._numbers: dict[str, int] = {UNKNOWN: 0}
        self._rows: list[np.ndarray[tuple[int], np.dtype[np.uint8]]] = []

    def see(self, batch: Batch) -> None:
        numbers = (self._number(language(text)) for text in beginnings(batch.body).to_pylist())
        self._rows.append(np.fromiter(numbers, np.uint8, len(batch)))

    def _number(self, code: str) -> int:
        if code not in self._numbers and len(self._codes) < 255:
            self._numbers[code] = len(self._codes)
            self._codes.append(code)
        return self._numbers.get(code, 0)

    def counts(self) -> dict[str, int]:
        """Rows by language, the most frequent first; "" are those that are not clear."""
        counts = Counter[str]()
        for rows in self._rows:
            counts.update({self._codes[number]: int(count) for number, count in enumerate(np.bincount(rows)) if count})
        return dict(counts.most_common())

    def findings(self) -> Findings:
        counts = self.counts()
        recognised = sum(count for code, count in counts.items() if code)
        stray = {code: count for code, count in counts.items() if code and count < STRAY * recognised}
        numbers = [self._numbers[code] for code in stray]
        rows = np.concatenate(self._rows) if self._rows else np.empty(0, np.uint8)
        by_name = {NAMES.get(code, code): count for code, count in stray.items()}
        return Findings(np.flatnonzero(np.isin(rows, numbers)), details=by_name)


CHECK = Check(
    name="language_mix",
    title="Stray languages",
    means="A few rows in another language than the rest make the model switch languages without being asked.",
    weight=5,
    fix="drop",
    fix_label="Drop these rows",
    begin=Languages,
)
