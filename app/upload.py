"""Receives uploaded files straight into the studio's own folder, however large, in constant memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from app.answers.errors import TooLargeError
from engine import sizes
from engine.errors import DiskFullError, RefusedError, TunesmithError
from storage import home
from storage.settings import settings

LONGEST_FIELD = 10_000
MOST_FILES = 1_000
SPARE_BYTES = 256 << 20  # left on the disk for the database and the logs


@dataclass
class Form:
    """What came: the files, where each lies now and what it was called, and the plain fields."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def discard(self) -> None:
        """Removes the files that are still there."""
        for path, _ in self.files:
            path.unlink(missing_ok=True)


async def receive(request: Request) -> Form:
    """Reads the multipart body. The caller owns the files; when anything goes wrong nothing is left behind.

    Raises TooLargeError above `max_upload_gb`, DiskFullError, RefusedError for another kind of body, and TunesmithError
    for a form that is broken.
    """
    most_bytes = int(settings().max_upload_gb * 1e9)
    _check_room(int(request.headers.get("content-length") or 0), most_bytes)
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise RefusedError(f"A file cannot come as `{kind.decode('latin-1'):.80}`.", "Send multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise TunesmithError("The form has no boundary.", "Send multipart/form-data as HTTP clients build it.")
    reader = _Reader(home.ensure_folder(home.uploads()))
    try:
        await _feed(reader, boundary, request.stream(), most_bytes)
    except OSError as error:
        reader.discard()
        raise DiskFullError(f"The file could not be kept: {error.strerror}.", "Free some space.") from error
    except BaseException:
        reader.discard()
        raise
    reader.close()
    return reader.form


async def _feed(reader: "_Reader", boundary: bytes, stream: AsyncIterator[bytes], most_bytes: int) -> None:
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        received = 0
        async for chunk in stream:
            received += len(chunk)
            if received > most_bytes:
                raise _too_large(most_bytes)
            await run_in_threadpool(parser.write, chunk)  # its callbacks write to the disk
        parser.finalize()
    except MultipartParseError as error:
        raise TunesmithError(
            "The form cannot be read.", "Send multipart/form-data as HTTP clients build it."
        ) from error
    if not reader.done:
        raise TunesmithError("The form ends too early.", "Send it again.")


def _check_room(length: int, most_bytes: int) -> None:
    if length > most_bytes:
        raise _too_large(most_bytes)
    free = home.free_bytes()
    if length > free - SPARE_BYTES:
        raise DiskFullError(f"The disk has only {sizes.in_words(free)} left.", "Free some space.")


def _too_large(most_bytes: int) -> TooLargeError:
    message = f"The file is larger than {sizes.in_words(most_bytes)}."
    return TooLargeError(message, "TUNESMITH_MAX_UPLOAD_GB sets the limit.")


class _Reader:
    """Collects what the parser calls back with: parts named `file` to disk, other parts to memory."""

    def __init__(self, folder: Path) -> None:
        self.form = Form()
        self.done = False
        self._folder = folder
        self._file: BinaryIO | None = None
        self._header = [b"", b""]
        self._disposition = b""
        self._name = ""
        self._value = b""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def discard(self) -> None:
        self.close()
        self.form.discard()

    def _part_begin(self) -> None:
        self._disposition, self._name, self._value = b"", "", b""

    def _add_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "file":
            if len(self.form.files) >= MOST_FILES:
                raise TunesmithError(f"The form has more than {MOST_FILES} files.", "Put their rows into fewer files.")
            path = self._folder / token_hex(16)
            self.form.files.append((path, options.get(b"filename", b"").decode("utf-8", "replace")))
            self._file = path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file" and self._file is not None:
            self._file.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > LONGEST_FIELD or len(self.form.fields) > 20:
            raise TooLargeError(f"The field `{self._name:.80}` is too long.", "Only `file` may be large.")

    def _part_end(self) -> None:
        if self._name == "file":
            self.close()
        else:
            self.form.fields[self._name] = self._value.decode("utf-8", "replace")

    def _end(self) -> None:
        self.done = True
