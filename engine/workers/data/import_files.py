"""Imports files of training data: `python -m engine.workers.data.import_files SPEC.json OUT/`.

Spec: {"sources": [{"path", "name": the file's own name}], "mapping": see engine.rows.mapping.mapping, or null,
"remembered": [{"columns", "mapping", "name"}]: mappings for files with just those columns, "processes": how many, 0
for none}. Reads in constant memory and judges each row, those of large JSONL files in several processes. Leaves in
OUT: rows.parquet (what is trained on), rejected.jsonl (the other rows, with rule, value and fix) with its index, and
summary.json. Everything is written under a .part name first, so that what has its own name is whole.

accepted + repaired + rejected = rows: `accepted` took no repair, `repaired` are trained on as well.
"""

import errno
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.process import events
from engine.rows.errors import UnreadableError
from engine.rows.mapping.judged_rows import Judged, judged
from engine.rows.readers import choose
from engine.rows.readers.source import Source
from engine.rows.store import columnar
from engine.rows.store import rejected as rejected_rows
from engine.rows.verdict import Format
from engine.workers import contract, limits
from engine.workers.data import import_blocks, import_detection, import_fast, import_pool
from engine.workers.data.import_blocks import Block
from engine.workers.data.import_counts import INDEX, REJECTED, ROWS, SUMMARY, Tally, part
from engine.workers.data.import_detection import File, Look

LARGE_BYTES = 24 << 20  # below, processes of its own would take longer to start than the file to read
PACKED_TIMES = 4  # about how much a packed file grows
JUDGED_ROWS = 250
JUDGED_BYTES = 4 << 20


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Imports the files. Raises WorkFailedError (category data) when they cannot be read at all."""
    files = [File(Path(one["path"]), _sayable(str(one["name"]))) for one in spec["sources"]]
    for name in (ROWS, REJECTED, INDEX, SUMMARY):
        (out / name).unlink(missing_ok=True)
    _remove_parts(out)
    try:
        with limits.memory():
            return _imported(files, spec, out)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error
    except MemoryError as error:  # a backstop: readers hold little, unless a small file unpacks to very much
        hint = "Some of them may be enormous: split those, and import the file again."
        raise contract.WorkFailedError("memory", "The rows take more memory than an import may use.", hint) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "Free some space (delete datasets or runs that are no longer needed), then import the file again."
            raise contract.WorkFailedError("disk", "The disk is full.", hint) from error
        raise
    finally:
        _remove_parts(out)


def _sayable(name: str) -> str:
    """A name whose bytes are no UTF-8, as a file system may have it, in letters that can be shown and stored."""
    return name.encode("utf-8", "replace").decode()


def _remove_parts(out: Path) -> None:
    for leftover in out.glob("*.part"):
        leftover.unlink(missing_ok=True)


def _imported(files: list[File], spec: dict[str, Any], out: Path) -> dict[str, Any]:
    mapping = spec.get("mapping")
    found = import_detection.look(files, mapping)
    known = None if mapping else import_detection.remembered(found, spec.get("remembered", []))
    if known is not None:
        mapping, found = known["mapping"], import_detection.mapped(found, known["mapping"])
    events.append(out, events.Started(facts={"files": len(files), "format": found.format and found.format.name}))
    if found.format is None:
        return import_detection.not_understood(found)
    tally = Tally(out, sum(file.path.stat().st_size for file in files))
    if known is not None:
        tally.remarks.append(f"Read by the mapping of `{known['name']}`, which has the same columns.")
    pool = import_pool.Pool(out, found.format, mapping, spec.get("processes"))
    sha256 = _Import(files, found.format, import_fast.fits(found.format, found.rows), tally, pool).write()
    return tally.result(found.format, sha256) | _looked(found, mapping)


def _looked(found: Look, mapping: dict[str, Any] | None) -> dict[str, Any]:
    return {"columns": found.columns, "confidence": found.confidence, "mapping": mapping}


class _Import:
    """The pass over all rows of all files."""

    def __init__(self, files: list[File], mostly: Format, swift: bool, tally: Tally, pool: import_pool.Pool) -> None:
        self.files, self.mostly, self.swift, self.tally, self.pool = files, mostly, swift, tally, pool

    def write(self) -> str:
        """Writes the rows and the rejected rows; returns the sha256 of the rows."""
        out, several = self.tally.out, len(self.files) > 1
        with ExitStack() as stack:
            stack.enter_context(self.pool)
            rows = stack.enter_context(columnar.Writer(part(out, ROWS), self.mostly.kind))
            others = stack.enter_context(rejected_rows.Writer(part(out, REJECTED)))
            for file in self.files:
                with import_detection.opened(file, several) as (source, reader):
                    self.tally.begin(file.name, source, reader)
                    for done, found in self._verdicts(source, reader):
                        rows.add_batch(columnar.shifted(found.batch, self.tally.rows))
                        others.add(found.rejected, self.tally.rows, file.name if several else None)
                        self.tally.count(found, done)
                    self.tally.end(source)
            rows.close()
            others.close()
        rejected_rows.index_of(part(out, REJECTED)).replace(part(out, INDEX))
        return rows.sha256

    def _verdicts(self, source: Source, reader: choose.Reader) -> Iterator[tuple[int, Judged]]:
        if reader is choose.JSONL and self._large(source):
            for block, found in self._blocks(import_blocks.blocks(source, self.tally.out)):
                yield block.done, found
            return
        for rows in _handfuls(reader.rows(source)):
            yield source.done, judged(rows, self.mostly)

    def _blocks(self, blocks: Iterator[Block]) -> import_fast.Verdicts:
        if self.swift:
            return import_fast.judged(blocks, self.mostly, self.pool.judged, self.pool.count)
        return self.pool.judged(blocks)

    def _large(self, source: Source) -> bool:
        if self.pool.asked is not None:
            return self.pool.asked > 0
        return self.pool.count > 1 and source.size * (PACKED_TIMES if source.packed else 1) > LARGE_BYTES


def _handfuls(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """The rows, as many at a time as can be held together."""
    held: list[Any] = []
    held_bytes = 0
    for row in rows:
        held.append(row)
        held_bytes += columnar.about_bytes(row)
        if len(held) >= JUDGED_ROWS or held_bytes >= JUDGED_BYTES:
            yield held
            held, held_bytes = [], 0
    if held:
        yield held


if __name__ == "__main__":
    import_blocks.without_garbage_collection()  # the tally collects now and then
    contract.run(work)
