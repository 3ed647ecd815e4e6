"""Which encoding each file of an import is read in, decided before the first row is read.

UTF-8 and what has a byte order mark tell themselves. For the older encodings the letters decide
(`engine.rows.readers.encodings`). Where they leave it open, a second opinion must agree: for letters of our own
alphabet CLD2's on the language, which the letters without accents tell; for others charset-normalizer's. Where that
does not help either, another file of the same import may; else a person is asked, and nothing is read as a guess.
"""

import re
from collections import Counter
from typing import Any

import charset_normalizer

from engine.rows.health import language
from engine.rows.readers import choose, encodings
from engine.rows.readers.encodings import Reading
from engine.rows.readers.source import Source
from engine.workers.data.import_detection import File, opened

CLEAR, LEANING = 5.0, 1.0  # how much likelier the first reading is than the next, as a logarithm: 150 times, 3 times
FEW_KNOWN = 0.5  # of its letters beyond ASCII: with fewer that belong to its language, it is no clear reading either
MOST_CANDIDATES = 6
SHOWN_CHARACTERS = 120
_REST_OF_WORD = re.compile(r"^[A-Za-z]+(?![^\W_])[^\w]*")


class UnclearEncodingError(Exception):
    """The letters of a file leave its encoding open; `candidates`: [{"encoding", "label", "sample"}]."""

    def __init__(self, file: str, candidates: list[dict[str, str]]) -> None:
        super().__init__(file)
        self.file, self.candidates = file, candidates


def settle(files: list[File], chosen: str, guess: bool = False) -> list[File]:
    """The files, each with its encoding; `chosen` is what a person has said.

    Raises UnreadableError for a file that cannot be read, UnclearEncodingError unless it is enough to `guess`.
    """
    settled: list[File] = []
    unclear: dict[int, list[Reading]] = {}
    for position, file in enumerate(files):
        with opened(file._replace(encoding=chosen), len(files) > 1) as (source, reader):
            encoding = "" if reader in choose.BINARY else source.encoding
            if encoding and source.is_old and not chosen and not (encoding := _clear(source)):
                unclear[position] = encodings.readings(source.sample())
            settled.append(file._replace(encoding=encoding))
    others = [name for name, _ in Counter(file.encoding for file in settled if file.encoding).most_common()]
    for position, readings in unclear.items():
        close = [reading.encoding for reading in readings[:MOST_CANDIDATES]]
        encoding = next((name for name in others if name in close), close[0] if guess else "")
        if not encoding:
            raise UnclearEncodingError(files[position].name, _candidates(readings))
        settled[position] = files[position]._replace(encoding=encoding)
    return settled


def _clear(source: Source) -> str:
    """The encoding of a text, if its letters leave no doubt; "" otherwise."""
    sample = source.sample()
    first, *others = encodings.readings(sample)
    lead = first.score - others[0].score if others else CLEAR
    if lead >= CLEAR and first.known >= FEW_KNOWN:
        return first.encoding
    return first.encoding if lead >= LEANING and _agrees(first, b"\n".join(sample)) else ""


def _agrees(reading: Reading, sample: bytes) -> bool:
    if encodings.is_latin(reading.encoding):
        code = language.language("".join(letter if letter.isprintable() else " " for letter in reading.text))
        return language.NAMES.get(code, "") in encodings.languages(reading.encoding)
    best = charset_normalizer.from_bytes(sample).best()
    return best is not None and sample.decode(best.encoding, "replace") == sample.decode(reading.encoding, "replace")


def _candidates(readings: list[Reading]) -> list[dict[str, str]]:
    return [
        {
            "encoding": reading.encoding,
            "label": encodings.label(reading.encoding),
            "sample": _shown(reading.text),
        }
        for reading in readings[:MOST_CANDIDATES]
    ]


def _shown(text: str) -> str:
    """A part of a text that has a letter beyond ASCII in it, without the rest of a word at its start."""
    first = next((place for place, letter in enumerate(text) if letter > "\x7f"), 0)
    part = _REST_OF_WORD.sub("", text[max(0, first - 20) :][: 2 * SHOWN_CHARACTERS], count=1)
    return " ".join(part.split())[:SHOWN_CHARACTERS]


def not_clear(error: UnclearEncodingError, several: bool) -> dict[str, Any]:
    """The result of an import that waits for a person to choose the encoding."""
    where = f"`{error.file}` is" if several else "the file is"
    names = ", ".join(f"{candidate['label']}" for candidate in error.candidates[:3])
    return {
        "status": "needs_mapping",
        "columns": [],
        "encodings": error.candidates,
        "error": f"It is not clear in which encoding {where} written. It may be {names}.",
        "hint": "Choose the encoding in which the sample reads right, on the Mapping tab; or save the file as UTF-8.",
    }
