"""A file of training data as bytes of UTF-8: unpacked when it is gzip or zstd, decoded when it is UTF-16 or Latin-1.

Holds one chunk at a time. `done` counts the bytes of the file itself, so it can be shown beside `size`.
"""

import codecs
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from engine.rows.errors import UnreadableError

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1 << 18
PIECE_BYTES = 1 << 16
PACKERS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# A packed file may not grow without end: text shrinks to a fifth, the most repetitive logs to a hundredth.
MOST_GROWTH = 200
FREE_GROWTH_BYTES = 64 << 20
HIGH = bytes(range(0x80, 0x100))
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Source:
    """One file. Opening it raises UnreadableError when it is no regular file, is empty or is broken where it is packed.

    `packed` says with what: gzip, zstd, or "" when it is not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open(path)
        self.size = os.fstat(self._file.fileno()).st_size
        first = self._file.read(4)
        self.packed = next((name for magic, name in PACKERS.items() if first.startswith(magic)), "")
        self._file.seek(0)
        self._part = 0.0
        self.head = self._first()
        if not self.head:
            self.close()
            raise UnreadableError("The file is empty.", "Choose a file that has rows in it.")
        self.encoding, self.bom = encoding_of(self.head, complete=len(self.head) < HEAD_BYTES)
        if self.encoding == "utf-8" and not self.packed and self.bom == b"":
            self.encoding = self._looked_at_everywhere()

    @property
    def done(self) -> int:
        """Bytes of the file read so far."""
        return int(self.size * self._part) or self._file.tell()

    def report(self, part: float) -> None:
        """For readers that read the file by its path: how much of it they have read, 0 to 1."""
        self._part = part

    def close(self) -> None:
        self._file.close()

    def text_head(self) -> bytes:
        """The beginning, as UTF-8."""
        return self.head[len(self.bom) :].decode(self.encoding, "replace").encode()

    def chunks(self) -> Iterator[bytes]:
        """The whole content from the start, as UTF-8 without a byte order mark. Broken bytes stay as they are in
        UTF-8 files, so that each row can be judged by itself."""
        raw = self._raw()
        first = next(raw, b"")[len(self.bom) :]
        if self.encoding == "utf-8":
            yield first
            yield from raw
            return
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        yield decoder.decode(first).encode()
        for chunk in raw:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()

    def _first(self) -> bytes:
        """HEAD_BYTES from the start, fewer only when there are no more."""
        head = b""
        for chunk in self._raw():
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        return head[:HEAD_BYTES]

    def _raw(self) -> Iterator[bytes]:
        self._file.seek(0)
        if not self.packed:
            while chunk := self._file.read(CHUNK_BYTES):
                yield chunk
            return
        unpacked_bytes = 0
        for chunk in _unpacked(self._file, self.packed):
            unpacked_bytes += len(chunk)
            if unpacked_bytes > FREE_GROWTH_BYTES + MOST_GROWTH * self._file.tell():
                raise UnreadableError(
                    f"The {self.packed} file unpacks to more than {MOST_GROWTH} times its size.",
                    "If it really holds training data, unpack it yourself and import the result.",
                )
            yield chunk

    def _looked_at_everywhere(self) -> str:
        """Latin-1 files often begin with pure ASCII: look at pieces of the whole file before believing in UTF-8."""
        for part in range(1, 33):
            self._file.seek(max(0, self.size * part // 32 - PIECE_BYTES))
            if _is_latin1(_whole_characters(self._file.read(PIECE_BYTES))):
                return "cp1252"
        return "utf-8"


def _open(path: Path) -> IO[bytes]:
    # O_NONBLOCK: a FIFO nobody writes to must not hold us; what was opened is looked at before a byte is read.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "is a link" if path.is_symlink() else f"cannot be opened: {error.strerror}"
        raise UnreadableError(f"The file {reason}.", "Give a plain file, which the studio may read.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError("This is not a file.", "Choose a file with rows, not a folder, link, pipe or device.")
    return os.fdopen(descriptor, "rb", buffering=0)


def _unpacked(file: IO[bytes], packer: str) -> Iterator[bytes]:
    with _open_packed(file, packer) as stream:
        while True:
            try:
                chunk = stream.read(CHUNK_BYTES)
            except (EOFError, zlib.error, OSError, pa.ArrowException) as error:
                message = f"The {packer} file is broken or cut off."
                raise UnreadableError(message, "Pack or download it again.") from error
            if not chunk:
                return
            yield chunk


def _open_packed(file: IO[bytes], packer: str) -> Any:
    if packer == "gzip":
        return gzip.GzipFile(fileobj=file)
    # A descriptor of its own, with the place in the file in common: Arrow closes what it was given.
    return pa.CompressedInputStream(os.fdopen(os.dup(file.fileno()), "rb", buffering=0), packer)


def encoding_of(head: bytes, complete: bool) -> tuple[str, bytes]:
    """The encoding of a text by its beginning, and its byte order mark. What is no UTF is read as Windows Latin-1."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name, bom
    if utf16 := _utf16_without_bom(head):
        return utf16, b""
    return ("cp1252" if _is_latin1(head if complete else _whole_characters(head)) else "utf-8"), b""


def _utf16_without_bom(head: bytes) -> str | None:
    # Western text in UTF-16 has a NUL in every second byte.
    sample = head[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) >= 8 and max(even, odd) > len(sample) * 0.35 and min(even, odd) == 0:
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def _is_latin1(data: bytes) -> bool:
    """Latin-1 bytes hardly ever form characters of UTF-8. A UTF-8 file with a few broken bytes has both."""
    if data.isascii():
        return False
    text = data.decode("utf-8", "surrogateescape")
    broken = len(text) - len(text.encode("utf-8", "ignore").decode())
    ascii_count = len(data.translate(None, HIGH))
    return broken * 2 > len(text) - ascii_count


def _whole_characters(data: bytes) -> bytes:
    """A piece out of the middle of a file, without the parts of characters at its ends."""
    data = data.lstrip(bytes(range(0x80, 0xC0))) if len(data) > 4 else data
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] >= 0xC0:
            return data[:-back]
        if data[-back] < 0x80:
            break
    return data
