"""Text of another encoding as UTF-8, chunk by chunk. Bytes that the encoding does not know are never guessed at.

They come out as bytes that are not UTF-8 either, with their numbers behind, so that whoever reads the row refuses it.
"""

import codecs

MARK = "\udcff"  # becomes the byte 0xFF, which stands nowhere in UTF-8
_ERRORS = "tunesmith-marked"


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return f"{MARK}<{error.object[error.start : error.end].hex(' ').upper()}>", error.end


class Decoder:
    """`broken` counts what could not be decoded, `first_line` is where the first of it is, from 1."""

    def __init__(self, encoding: str) -> None:
        codecs.register_error(_ERRORS, _marked)
        self._decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
        self.broken = self.first_line = 0
        self._lines = 0

    def decode(self, chunk: bytes, last: bool = False) -> bytes:
        """UTF-8, as far as the chunk holds whole characters."""
        text = self._decoder.decode(chunk, last)
        if MARK in text:
            self.first_line = self.first_line or self._lines + text.count("\n", 0, text.index(MARK)) + 1
            self.broken += text.count(MARK)
        self._lines += text.count("\n")
        return text.encode("utf-8", "surrogateescape")
