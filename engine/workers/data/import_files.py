"""Imports files of training data: `python -m engine.workers.data.import_files SPEC.json OUT/`.

Spec: {"sources": [{"path", "name": the file's own name, "split": of its rows, if there are several}], "mapping": see
engine.rows.mapping.mapping, or null, "encoding": the one a person has chosen, "remembered": [{"columns", "mapping",
"name"}]: mappings for files with just those columns, "processes": how many, 0 for none}. Reads in constant memory and
judges each row, those of large JSONL files in several processes. Leaves in OUT: rows.parquet (what is trained on),
rejected.jsonl (the other rows, with rule, value and fix) with its index, and summary.json. Everything is written under
a .part name first, so that what has its own name is whole.

accepted + repaired + rejected = rows: `accepted` took no repair, `repaired` are trained on as well.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.errors import FULL_CODES
from engine.process import events
from engine.rows.errors import UnreadableError
from engine.rows.mapping.judged_rows import Judged, judge_rows
from engine.rows.readers import choose
from engine.rows.readers.source import Source
from engine.rows.store import columnar, columns, rejected
from engine.rows.verdict import Format, Mended
from engine.workers import contract, limits
from engine.workers.data import import_blocks, import_detection, import_encodings, import_fast, import_pool
from engine.workers.data.import_blocks import Block
from engine.workers.data.import_counts import INDEX, REJECTED, ROWS, SUMMARY, Tally, part
from engine.workers.data.import_detection import File, Sample

LARGE_BYTES = 24 << 20  # below, processes of its own would take longer to start than the file to read
PACKED_TIMES = 4  # about how much a packed file grows
JUDGED_ROWS = 250
JUDGED_BYTES = 4 << 20


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Imports the files. Raises WorkFailedError (category data) when they cannot be read at all."""
    files = [
        File(Path(source["path"]), _storable_name(str(source["name"])), split=str(source.get("split", "")))
        for source in spec["sources"]
    ]
    for name in (ROWS, REJECTED, INDEX, SUMMARY):
        (out / name).unlink(missing_ok=True)
    _remove_parts(out)
    try:
        with limits.memory():
            return _imported(import_encodings.settle(files, spec.get("encoding", "")), spec, out)
    except import_encodings.UnclearEncodingError as error:
        return import_encodings.not_clear(error, len(files) > 1)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error
    except MemoryError as error:  # a backstop: readers hold little, unless a small file unpacks to very much
        hint = "Some of them may be enormous: split those, and import the file again."
        raise contract.WorkFailedError("memory", "The rows take more memory than an import may use.", hint) from error
    except OSError as error:
        if error.errno in FULL_CODES:
            hint = "Free some space (delete datasets or runs that are no longer needed), then import the file again."
            raise contract.WorkFailedError("disk", "The disk is full.", hint) from error
        raise
    finally:
        _remove_parts(out)


def _storable_name(name: str) -> str:
    """A name whose bytes are no UTF-8, as a file system may have it, in letters that can be shown and stored."""
    return name.encode("utf-8", "replace").decode()


def _remove_parts(out: Path) -> None:
    for leftover in out.glob("*.part"):
        leftover.unlink(missing_ok=True)


def _imported(files: list[File], spec: dict[str, Any], out: Path) -> dict[str, Any]:
    mapping = spec.get("mapping")
    sample = import_detection.look(files, mapping)
    remembered = None if mapping else import_detection.remembered(sample, spec.get("remembered", []))
    if remembered is not None:
        mapping, sample = remembered["mapping"], import_detection.mapped(sample, remembered["mapping"])
    events.append(out, events.Started(facts={"files": len(files), "format": sample.format and sample.format.name}))
    if sample.format is None:
        return {**import_detection.not_understood(sample), "files": import_detection.entries(files)}
    tally = Tally(out, sum(file.path.stat().st_size for file in files), spec.get("encoding", ""))
    if remembered is not None:
        tally.remarks.append(f"Read by the mapping of `{remembered['name']}`, which has the same columns.")
    pool = import_pool.Pool(out, sample.format, mapping, spec.get("processes"))
    sha256 = _Import(files, sample.format, import_fast.fits(sample.format, sample.rows), tally, pool).write()
    return tally.result(sample.format, sha256) | _detected(sample, mapping)


def _detected(sample: Sample, mapping: dict[str, Any] | None) -> dict[str, Any]:
    return {"columns": sample.columns, "confidence": sample.confidence, "mapping": mapping}


class _Import:
    """The pass over all rows of all files."""

    def __init__(
        self, files: list[File], main_format: Format, fast: bool, tally: Tally, pool: import_pool.Pool
    ) -> None:
        self.files, self.main_format, self.fast, self.tally, self.pool = files, main_format, fast, tally, pool

    def write(self) -> str:
        """Writes the rows and the rejected rows; returns the sha256 of the rows."""
        out, several = self.tally.out, len(self.files) > 1
        with ExitStack() as stack:
            stack.enter_context(self.pool)
            row_writer = stack.enter_context(columnar.Writer(part(out, ROWS), self.main_format.kind))
            rejected_writer = stack.enter_context(rejected.Writer(part(out, REJECTED)))
            for file in self.files:
                with import_detection.opened(file, several) as (source, reader):
                    self.tally.begin(file.name, source, reader, file.split)
                    for done, verdicts in self._verdicts(source, reader):
                        row_writer.add_batch(_batch(verdicts, self.tally.rows, file.split))
                        rejected_writer.add(verdicts.rejected, self.tally.rows, file.name if several else None)
                        self.tally.count(verdicts, done)
                    self.tally.end(source)
            row_writer.close()
            rejected_writer.close()
        rejected.index_of(part(out, REJECTED)).replace(part(out, INDEX))
        return row_writer.sha256

    def _verdicts(self, source: Source, reader: choose.Reader) -> Iterator[tuple[int, Judged]]:
        if reader is choose.JSONL and self._is_large(source):
            for block, verdicts in self._blocks(import_blocks.blocks(source, self.tally.out)):
                yield block.done, verdicts
            return
        for rows in _batches(reader.rows(source)):
            yield source.done, judge_rows(rows, self.main_format)

    def _blocks(self, blocks: Iterator[Block]) -> import_fast.Verdicts:
        if self.fast:
            return import_fast.judged(blocks, self.main_format, self.pool.judged, self.pool.count)
        return self.pool.judged(blocks)

    def _is_large(self, source: Source) -> bool:
        if self.pool.requested is not None:
            return self.pool.requested > 0
        return self.pool.count > 1 and source.size * (PACKED_TIMES if source.packed else 1) > LARGE_BYTES


def _batch(verdicts: Judged, rows_before: int, split: str) -> Any:
    """The rows taken, with their numbers in the whole import, and the split they belong to."""
    batch = columnar.shifted(verdicts.batch, rows_before)
    return columns.with_extra(batch, columnar.SPLIT, split) if split else batch


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """The rows, as many at a time as can be held together."""
    batch: list[Any] = []
    batch_bytes = 0
    for row in rows:
        batch.append(row)
        batch_bytes += columnar.about_bytes(row.row if isinstance(row, Mended) else row)
        if len(batch) >= JUDGED_ROWS or batch_bytes >= JUDGED_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch


if __name__ == "__main__":
    import_blocks.without_garbage_collection()  # the tally collects now and then
    contract.run(work)
