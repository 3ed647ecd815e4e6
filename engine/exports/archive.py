"""Files as one tar archive, sent while it is read: no copy on the disk, constant memory, the size known beforehand.

Weights do not compress, so nothing is packed. tar and not zip, because a zip wants the checksum of gigabytes before
its first byte, or a form that some programs cannot open; every system of today opens a tar.
"""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
MEDIA_TYPE = "application/x-tar"
END = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True)
class Entry:
    """One file: its name in the archive, and its content, or where that lies."""

    name: str
    content: Path | bytes
    size: int  # bytes

    def chunks(self) -> Iterator[bytes]:
        """Its content, exactly `size` bytes. Raises OSError when the file has become shorter or is gone."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            yield from _exactly(file, self.size)


def _exactly(file: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = file.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise OSError(f"{file.name} has become shorter while it was sent")
        left -= len(chunk)
        yield chunk


@dataclass(frozen=True)
class Archive:
    """What a person gets: a folder of that name with the entries in it."""

    name: str
    entries: Sequence[Entry]
    modified: float  # seconds since 1970, of every file: the same files make the same archive

    @property
    def file_name(self) -> str:
        return f"{self.name}.tar"

    @cached_property
    def _headers(self) -> list[bytes]:
        return [self._header(entry) for entry in self.entries]

    def _header(self, entry: Entry) -> bytes:
        member = tarfile.TarInfo(f"{self.name}/{entry.name}")
        member.size, member.mtime, member.mode = entry.size, int(self.modified), 0o644
        return member.tobuf(tarfile.GNU_FORMAT)  # the format that has sizes above 8 GiB without a second header

    @property
    def content_bytes(self) -> int:
        """The sum of its files' sizes."""
        return sum(entry.size for entry in self.entries)

    @property
    def size(self) -> int:
        """Bytes of the whole archive."""
        contents = sum(entry.size + _padding(entry) for entry in self.entries)
        return sum(map(len, self._headers)) + contents + len(END)

    def chunks(self) -> Iterator[bytes]:
        """The archive, piece by piece, at most a megabyte at a time."""
        for header, entry in zip(self._headers, self.entries, strict=True):
            yield header
            yield from entry.chunks()
            yield bytes(_padding(entry))
        yield END


def _padding(entry: Entry) -> int:
    return -entry.size % tarfile.BLOCKSIZE
