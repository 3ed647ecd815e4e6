"""What an import of a dataset of the hub would make of it: `python -m engine.workers.data.preview_hub SPEC OUT`.

Spec: {"hub": {"id", "config", "split", "revision"}, "remembered"}. Fetches the first megabytes of its first file, of
Parquet the footer and the first pages, and looks at them as at a file (engine.workers.data.preview).
"""

import io
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.process import events
from engine.rows.errors import UnreadableError
from engine.rows.readers import choose
from engine.workers import contract, limits
from engine.workers.data import hub_files, preview
from engine.workers.data.import_detection import File
from engine.workers.models import hub

HEAD_BYTES = 2 << 20
PIECE_BYTES = 1 << 20
MOST_BYTES = 24 << 20  # of a Parquet file: its footer, and pages of each column
PARQUET_ROWS = 200
UNPACKED_BYTES = 16 << 20


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As engine.workers.data.preview, and "hub": {"config", "split", "revision"}. Raises WorkFailedError in words."""
    selection = spec["hub"]
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    try:
        note, files = hub_files.choose(selection)
        first = files[0]
        events.append(out, events.Progress(done=0, stage="fetching the first rows"))
        sizes = [file.size or 0 for file in files]
        part, rows = _beginning(note, first.rfilename, sizes[0], out / "head")
    except hub_files.HUB_ERRORS as error:
        raise hub.explained(str(selection["id"]), error, "dataset") from error
    except (pa.ArrowException, OSError) as error:
        raise contract.WorkFailedError("data", "The first rows cannot be read without the whole file.", HINT) from error
    try:
        with limits.memory():
            result = preview.previewed([part], spec, out, is_cut=True)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error
    finally:
        part.path.unlink(missing_ok=True)
    facts = {**result["files"][0], "bytes": sum(sizes)}
    chosen = {name: note[name] for name in ("config", "split", "revision")}
    counted = _rows(result["rows"] if rows is None else rows, sizes, min(HEAD_BYTES, sizes[0]) if rows is None else 0)
    is_exact = len(files) == 1 and (rows is not None or sizes[0] <= HEAD_BYTES)
    return {**result, "files": [facts], "rows": counted, "exact": is_exact, "hub": chosen}


HINT = "It can be imported as it is: then every row is checked."


def _rows(rows: int | None, sizes: list[int], looked_at: int) -> int | None:
    """About how many rows all files have, when so many are in the first file, or in its first `looked_at` bytes."""
    read = looked_at or sizes[0]
    return round(rows * sum(sizes) / read) if rows is not None and read else rows


def _beginning(note: dict[str, Any], name: str, size: int, target: Path) -> tuple[File, int | None]:
    """The first rows as a file of their own, and how many the whole file has where it says so."""
    if PurePath(name).suffix.lower() == ".parquet":
        return _of_parquet(note, name, size, target)
    data = hub_files.fetch_part(note, name, 0, min(size, HEAD_BYTES) - 1) if size else b""
    packer = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}.get(PurePath(name).suffix.lower())
    if packer:
        data = _unpacked(data, packer)
    target.write_bytes(_whole_lines(data) if packer or size > HEAD_BYTES else data)
    return File(target, choose.unpacked_name(PurePath(name).name) if packer else PurePath(name).name), None


def _whole_lines(data: bytes) -> bytes:
    """Without the line in whose middle it was cut off; all of it when it is a single line."""
    return data[: data.rfind(b"\n") + 1] or data


def _unpacked(data: bytes, packer: str) -> bytes:
    """As much of packed text as these bytes hold."""
    text = bytearray()
    stream = pa.CompressedInputStream(pa.BufferReader(data), packer)
    try:
        while len(text) < UNPACKED_BYTES and (piece := stream.read(PIECE_BYTES)):
            text += piece
    except (pa.ArrowException, OSError):
        if not text:
            raise
    return bytes(text)


def _of_parquet(note: dict[str, Any], name: str, size: int, target: Path) -> tuple[File, int]:
    remote = _Remote(note, name, size)
    with pq.ParquetFile(pa.PythonFile(remote, mode="r"), buffer_size=PIECE_BYTES, pre_buffer=False) as file:
        batch = next(file.iter_batches(batch_size=PARQUET_ROWS, use_threads=False), None)
        rows = file.metadata.num_rows
        table = pa.Table.from_batches([] if batch is None else [batch], schema=file.schema_arrow)
    pq.write_table(table, target)
    return File(target, PurePath(name).name), rows


class _Remote(io.RawIOBase):
    """A file of the hub that is read where it is asked, a megabyte at a time."""

    def __init__(self, note: dict[str, Any], name: str, size: int) -> None:
        self._note, self._name, self._size = note, name, size
        self._place = 0
        self._pieces: dict[int, bytes] = {}

    def read(self, count: int = -1) -> bytes:
        end = self._size if count is None or count < 0 else min(self._size, self._place + count)
        data = bytearray()
        while self._place + len(data) < end:
            place = self._place + len(data)
            piece = self._piece(place // PIECE_BYTES)[place % PIECE_BYTES :]
            if not piece:
                raise OSError("The hub has sent less than it said.")
            data += piece[: end - place]
        self._place += len(data)
        return bytes(data)

    def _piece(self, number: int) -> bytes:
        if number not in self._pieces:
            if len(self._pieces) >= MOST_BYTES // PIECE_BYTES:
                raise OSError("The first rows take too much of the file.")
            first = number * PIECE_BYTES
            last = min(self._size, first + PIECE_BYTES) - 1
            self._pieces[number] = hub_files.fetch_part(self._note, self._name, first, last)
        return self._pieces[number]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


if __name__ == "__main__":
    contract.run(work)
