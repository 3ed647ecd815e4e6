"""Whether a text is in UTF-8, UTF-16 or UTF-32, by its byte order mark or by what its bytes are."""

import codecs
from collections.abc import Iterable

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"))
HIGH = bytes(range(0x80, 0x100))
LOOKED_AT_BYTES = 4096


def encoding_of(head: bytes) -> tuple[str, bytes]:
    """The encoding that a text tells by its beginning, and its byte order mark; ("", b"") when it tells none: then it
    is in UTF-8, or in one of the older encodings (`is_old`)."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name, bom
    if utf16 := _utf16_without_bom(head[:LOOKED_AT_BYTES]):
        return utf16, b""
    if b"\x1b$" in head and head.isascii():
        return next((name for escape, name in ESCAPES if escape in head), ""), b""
    return "", b""


def _utf16_without_bom(sample: bytes) -> str:
    """Plain letters, commas and line breaks in UTF-16 have a NUL beside them, always on the same side.

    In Korean only some characters are such; then the others must be letters too, which they hardly ever are by chance.
    """
    sample = sample[: len(sample) // 2 * 2]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) < 8 or min(even, odd) or not max(even, odd):
        return ""
    name = "utf-16-be" if even else "utf-16-le"
    if max(even, odd) > len(sample) * 0.35:
        return name
    text = sample.decode(name, "replace")
    texts = sum(letter.isalnum() or letter.isspace() or letter in ",.;:!?\"'()[]{}-" for letter in text)
    plain = sum(letter.isascii() for letter in text)
    return name if texts > len(text) * 0.95 and plain > len(text) * 0.05 else ""


def is_old(pieces: Iterable[bytes]) -> bool:
    """Whether the bytes beyond ASCII are no UTF-8. In the older encodings they hardly ever form characters of it; a
    UTF-8 file with a few broken bytes has both."""
    broken = high = 0
    for piece in pieces:
        if piece.isascii():
            continue
        text = piece.decode("utf-8", "surrogateescape")
        broken += len(text) - len(text.encode("utf-8", "ignore").decode())
        high += len(text) - len(piece.translate(None, HIGH))
    return broken * 2 > high


def whole_characters(data: bytes) -> bytes:
    """A piece out of the middle of a file, without the parts of characters of UTF-8 at its ends."""
    data = data.lstrip(bytes(range(0x80, 0xC0))) if len(data) > 4 else data
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] >= 0xC0:
            return data[:-back]
        if data[-back] < 0x80:
            break
    return data
