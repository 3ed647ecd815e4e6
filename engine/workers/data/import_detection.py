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
from engine.rows.verdict import Format, Rejection

LOOKED_AT_ROWS = 1000
LOOKED_AT_BYTES = 16 << 20
LOOKED_AT_FILES = 20
GUIDE = "Map them on the Data page, or rename them to those of a format in docs/guide/formats.md."


class File(NamedTuple):
    """A file to import, and its own name."""

    path: Path
    name: str


@dataclass(frozen=True)
class Look:
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
        source = Source(file.path)
        yield source, choose.choose(source, file.name)
    except UnreadableError as error:
        if several:
            raise UnreadableError(f"`{file.name}`: {error.message}", error.hint) from error
        raise
    finally:
        if source is not None:
            source.close()


def look(files: list[File], mapping: dict[str, Any] | None) -> Look:
    """Reads the beginning of the first files."""
    chosen = files[:LOOKED_AT_FILES]
    rows: list[Any] = []
    for file in chosen:
        with opened(file, len(files) > 1) as (source, reader):
            rows += _beginning(source, reader, len(chosen))
    columns = detection.columns_of(rows)
    mostly = detection.detect(rows) if mapping is None else format_named("", mapping)
    return Look(rows, columns, mostly, _confidence(rows, mostly))


def _confidence(rows: list[Any], mostly: Format | None) -> float:
    return 0.0 if mostly is None else round(detection.confidence(rows, mostly), 4)


def mapped(found: Look, mapping: dict[str, Any]) -> Look:
    """The same rows, read by a mapping."""
    wanted = format_named("", mapping)
    return Look(found.rows, found.columns, wanted, _confidence(found.rows, wanted))


def remembered(found: Look, known: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first mapping ({"columns", "mapping", "name"}) that is for just these columns, and reads a row."""
    same = (one for one in known if set(one["columns"]) == set(found.columns))
    return next((one for one in same if mapped(found, one["mapping"]).confidence), None)


def _beginning(source: Source, reader: choose.Reader, files: int) -> Iterator[Any]:
    """The first rows, as many as it takes to know the format and as fit into memory."""
    held = 0
    for count, row in enumerate(reader.rows(source), 1):
        yield row
        held += columnar.about_bytes(row)
        if count >= LOOKED_AT_ROWS // files or max(held, source.done) > LOOKED_AT_BYTES // files:
            return


def format_named(name: str, mapping: dict[str, Any] | None) -> Format:
    """The format of a mapping, or else the one called `name`."""
    if mapping is not None:
        return mappings.format_of(mappings.parse(mapping))
    return next(one for one in detection.FORMATS if one.name == name)


def not_understood(found: Look) -> dict[str, Any]:
    """No row is in a known format: either a person can map the columns, or the file is of no use.

    Raises UnreadableError when nothing could be mapped.
    """
    broken = [row for row in found.rows if isinstance(row, Rejection)]
    if not found.rows:
        raise UnreadableError("The file has no rows.", "Choose a file that has rows in it.")
    if not found.columns and broken:
        raise UnreadableError(f"No row can be read. The first: {broken[0].value or broken[0].rule}", broken[0].fix)
    if not found.columns:
        raise UnreadableError("The rows have no named columns.", Rejection("not_an_object").fix)
    listed = ", ".join(f"`{column[:60]}`" for column in found.columns)
    message = f"It is not clear which columns to learn from. Columns found: {listed}."
    result = {"status": "needs_mapping", "columns": found.columns, "confidence": found.confidence}
    return {**result, "error": message, "hint": GUIDE}
