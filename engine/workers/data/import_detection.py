"""What a file is, by its first rows: the format most of them are in, how sure that is, and what its columns are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine.rows.errors import UnreadableError
from engine.rows.mapping import detection
from engine.rows.mapping import mapping as mappings
from engine.rows.readers import choose
from engine.rows.readers.source import Source
from engine.rows.store import columnar
from engine.rows.verdict import Format, Mended, Rejection

LOOKED_AT_ROWS = 1000
LOOKED_AT_BYTES = 16 << 20
LOOKED_AT_FILES = 20
GUIDE = "Say on its tab Mapping which column is which, or rename them to those of a format in the guide."


class File(NamedTuple):
    """A file to import, its own name, the encoding of its text, and the split that its rows belong to."""

    path: Path
    name: str
    encoding: str = ""
    split: str = ""


@dataclass(frozen=True)
class Sample:
    """The first rows of all files, and what they say."""

    rows: list[Any]
    columns: list[str]
    format: Format | None
    confidence: float  # share of the rows that are in the format


@contextmanager
def opened(file: File, several: bool) -> Iterator[tuple[Source, choose.Reader]]:
    """The file and its reader. An error names the file when there are `several`."""
    source = None
    try:
        source = Source(file.path, file.encoding)
        yield source, choose.choose(source, file.name)
    except UnreadableError as error:
        if several:
            raise UnreadableError(f"`{file.name}`: {error.message}", error.hint) from error
        raise
    finally:
        if source is not None:
            source.close()


def look(files: list[File], mapping: dict[str, Any] | None) -> Sample:
    """Reads the beginning of the first files."""
    first_files = files[:LOOKED_AT_FILES]
    rows: list[Any] = []
    for file in first_files:
        with opened(file, len(files) > 1) as (source, reader):
            rows += map(plain, beginning(source, reader.rows(source), len(first_files)))
    return sample_of(rows, mapping)


def sample_of(rows: list[Any], mapping: dict[str, Any] | None = None) -> Sample:
    """What first rows say, read by a mapping where there is one."""
    main_format = detection.detect(rows) if mapping is None else format_named("", mapping)
    return Sample(rows, detection.columns_of(rows), main_format, _confidence(rows, main_format))


def _confidence(rows: list[Any], main_format: Format | None) -> float:
    return 0.0 if main_format is None else round(detection.confidence(rows, main_format), 4)


def mapped(sample: Sample, mapping: dict[str, Any]) -> Sample:
    """The same rows, read by a mapping."""
    mapped_format = format_named("", mapping)
    return Sample(sample.rows, sample.columns, mapped_format, _confidence(sample.rows, mapped_format))


def remembered(sample: Sample, candidates: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first mapping ({"columns", "mapping", "name"}) that is for just these columns, and reads a row."""
    matching = (candidate for candidate in candidates if set(candidate["columns"]) == set(sample.columns))
    return next((candidate for candidate in matching if mapped(sample, candidate["mapping"]).confidence), None)


def entries(files: list[File]) -> list[dict[str, str]]:
    """The files as a dataset keeps them, before their rows are counted."""
    named = ({"name": file.name, "encoding": file.encoding, "split": file.split} for file in files)
    return [{key: value for key, value in entry.items() if value} for entry in named]


def beginning(source: Source, rows: Iterator[Any], files: int) -> Iterator[Any]:
    """The first of the rows of a file, as many as it takes to know the format and as fit into memory."""
    held_bytes = 0
    for count, row in enumerate(rows, 1):
        yield row
        held_bytes += columnar.about_bytes(plain(row))
        if count >= LOOKED_AT_ROWS // files or max(held_bytes, source.done) > LOOKED_AT_BYTES // files:
            return


def plain(row: Any) -> Any:
    """The row itself, where a reader has mended it."""
    return row.row if isinstance(row, Mended) else row


def format_named(name: str, mapping: dict[str, Any] | None) -> Format:
    """The format of a mapping, or else the one called `name`."""
    if mapping is not None:
        return mappings.format_of(mappings.parse(mapping))
    return next(candidate for candidate in detection.FORMATS if candidate.name == name)


def not_understood(sample: Sample) -> dict[str, Any]:
    """No row is in a known format: either a person can map the columns, or the file is of no use.

    Raises UnreadableError when nothing could be mapped.
    """
    broken = [row for row in sample.rows if isinstance(row, Rejection)]
    if not sample.rows:
        raise UnreadableError("The file has no rows.", "Choose a file that has rows in it.")
    if not sample.columns and broken:
        raise UnreadableError(f"No row can be read. The first: {broken[0].value or broken[0].rule}", broken[0].fix)
    if not sample.columns:
        raise UnreadableError("The rows have no named columns.", Rejection("not_an_object").fix)
    column_names = ", ".join(f"`{column[:60]}`" for column in sample.columns)
    message = f"It is not clear which columns to learn from. Columns found: {column_names}."
    result = {"status": "needs_mapping", "columns": sample.columns, "confidence": sample.confidence}
    return {**result, "error": message, "hint": GUIDE}
