"""A file of training data as bytes of UTF-8: unpacked when it is gzip or zstd, decoded when it is in another encoding.

Holds one chunk at a time. `done` counts the bytes of the file itself, so it can be shown beside `size`.
"""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from engine.rows.errors import UnreadableError
from engine.rows.readers import encodings, unicode
from engine.rows.readers.decoding import Decoder

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1 << 18
PIECE_BYTES = 1 << 16
PACKERS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# A packed file may not grow without end: text shrinks to a fifth, the most repetitive logs to a hundredth.
MOST_GROWTH = 200
FREE_GROWTH_BYTES = 64 << 20
PIECES = 32
# Bytes beyond ASCII with what is between them, if that is short, and a little before and behind.
BEYOND_ASCII = re.compile(
    rb"[\x00-\x7f]{0,24}+[\x80-\xff](?:[\x80-\xff]++|[\x00-\x7f]{1,24}+(?=[\x80-\xff]))*[\x00-\x7f]{0,24}+"
)


class Source:
    """One file. Opening it raises UnreadableError when it is no regular file, is empty or is broken where it is packed.

    `packed` says with what: gzip, zstd, or "" when it is not. `encoding`: the one a person has chosen; without, the
    text is read as what it most likely is. A byte order mark is believed before anybody.
    """

    def __init__(self, path: Path, encoding: str = "") -> None:
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
        self.bom = unicode.encoding_of(self.head)[1]
        self.remarks: list[str] = []  # what a reader has to say about the file, when it has read it
        self._chosen = encoding
        self._decoder: Decoder | None = None

    @cached_property
    def encoding(self) -> str:
        """What the text is read as. Found when it is first asked for: files that hold no text have none."""
        told, bom = unicode.encoding_of(self.head)
        if bom:
            return told
        return self._chosen or told or (encodings.readings(self.sample())[0].encoding if self.is_old else "utf-8")

    @cached_property
    def is_old(self) -> bool:
        """Whether the text is in one of the older encodings, which only its letters can tell apart."""
        if unicode.encoding_of(self.head)[0]:
            return False
        head = self.head if len(self.head) < HEAD_BYTES else unicode.whole_characters(self.head)
        return unicode.is_old([head, *map(unicode.whole_characters, self._pieces())])

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
        decoder = self._decoder = Decoder(self.encoding)
        yield decoder.decode(first)
        for chunk in raw:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", last=True)

    def sample(self) -> list[bytes]:
        """What stands around the bytes beyond ASCII, from all over the file: what tells one encoding from another."""
        pieces = self._pieces()
        share = encodings.MOST_BYTES // (len(pieces) + 1)
        letters = [_cut(BEYOND_ASCII.findall(self.head), max(share, encodings.MOST_BYTES // 4))]
        for piece in pieces:  # may begin in the middle of a character
            whole = [match[0] for match in BEYOND_ASCII.finditer(piece) if match.start()]
            letters.append(_cut(whole, share))
        return letters

    def broken(self) -> tuple[int, int]:
        """How many places are not in the encoding, and the line of the first, from 1; (0, 0) for none.

        Known once the file is read. Of UTF-8, which is not decoded as a whole, it takes another look at the file.
        """
        decoder = self._decoder
        if decoder is None:
            decoder = Decoder(self.encoding)
            for chunk in self._raw():
                decoder.decode(chunk)
            decoder.decode(b"", last=True)
        return decoder.broken, decoder.first_line

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

    def _pieces(self) -> list[bytes]:
        """Pieces of the whole file, as text in an older encoding often begins with pure ASCII."""
        if self.packed or self.size <= HEAD_BYTES:
            return []
        starts = (max(0, self.size * part // PIECES - PIECE_BYTES) for part in range(1, PIECES + 1))
        return [os.pread(self._file.fileno(), PIECE_BYTES, start) for start in starts]


def _cut(pieces: list[bytes], most: int) -> bytes:
    """What was found, up to so many bytes. Where nothing is cut off, it ends with a line."""
    sample = b"\n".join(pieces) + b"\n" if pieces else b""
    return sample[:most]


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
