"""What an import would make of files, before anything is kept: `python -m engine.workers.data.preview SPEC OUT`.

Spec: {"sources": [{"path", "name"}], "encoding": the one that was chosen, "mapping", "remembered": see import_files}.
Reads the beginning of the first files, whatever their size. Leaves preview.json in OUT: the first rows as they would
be learnt. A process of its own, because a file may be a bomb.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.rows.errors import UnreadableError
from engine.rows.mapping import detection, suggestion
from engine.rows.readers import choose, encodings
from engine.rows.readers.source import Source
from engine.rows.verdict import Format, Rejection, printable_value
from engine.workers import contract, limits
from engine.workers.data import first_rows, import_counts, import_detection, import_encodings
from engine.workers.data.import_detection import File, Sample

ROWS = "preview.json"
SHOWN_ROWS = 20
COUNTED_ROWS = 100_000  # more in the piece that was read last are not counted


@dataclass(frozen=True)
class Head:
    """The first rows of one file, and how many it seems to have; None when that cannot be told."""

    rows: list[Any]
    count: int | None
    is_exact: bool


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """{"format", "kind", "confidence", "guessed", "mapping", "remembered", "columns", "files": [{"name", "written_as",
    "encoding", "bytes"}], "encodings": to choose from where it is not clear, "rows", "exact", "looked_at",
    "accepted", "repaired", "rejected", "rules"}.

    `rows`: how many all files have, about unless `exact`; null when that cannot be told. Raises WorkFailedError.
    """
    files = [File(Path(source["path"]), str(source["name"])) for source in spec["sources"]]
    try:
        with limits.memory():
            return previewed(files, spec, out)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error


def previewed(files: list[File], spec: dict[str, Any], out: Path, is_cut: bool = False) -> dict[str, Any]:
    """What `work` answers. `is_cut`: the files are beginnings of others. Raises UnreadableError."""
    settled, choices = _settled(files[: import_detection.LOOKED_AT_FILES], spec.get("encoding", ""))
    heads, facts = [], []
    for file in settled:
        with import_detection.opened(file, len(files) > 1) as (source, reader):
            heads.append(_head(source, reader, len(settled), is_cut))
            facts.append(_facts(file, source, reader))
    rows = [row for head in heads for row in head.rows]
    sample = import_detection.sample_of([import_detection.plain(row) for row in rows], given := spec.get("mapping"))
    remembered = None if given else import_detection.remembered(sample, spec.get("remembered", []))
    if remembered is not None:
        given = remembered["mapping"]
        sample = import_detection.mapped(sample, given)
    mapping, row_format = _reading(sample, given)
    verdicts = [_verdict(number, row, row_format) for number, row in enumerate(rows, 1)]
    (out / ROWS).write_bytes(orjson.dumps(shown(verdicts), default=printable_value, option=orjson.OPT_NON_STR_KEYS))
    return {
        "format": sample.format and sample.format.name,
        "kind": row_format and row_format.kind,
        "confidence": sample.confidence,
        "guessed": sample.format is None,
        "mapping": mapping,
        "remembered": remembered and remembered["name"],
        "columns": sample.columns,
        "files": facts,
        "encodings": choices,
        **_row_count(heads, facts, files),
        **_counts(verdicts),
    }


def _settled(files: list[File], chosen: str) -> tuple[list[File], list[dict[str, str]]]:
    """The files with their encodings, the likeliest where it is not clear; and then those to choose from."""
    try:
        return import_encodings.settle(files, chosen), []
    except import_encodings.UnclearEncodingError as error:
        return import_encodings.settle(files, chosen, guess=True), error.candidates


def _until_cut(rows: Iterator[Any]) -> Iterator[Any]:
    """The rows before the place where the file was cut off; the error itself when there is none."""
    is_first = True
    try:
        for row in rows:
            is_first = False
            yield row
    except UnreadableError:
        if is_first:
            raise


def _head(source: Source, reader: choose.Reader, files: int, is_cut: bool) -> Head:
    """How much of the file its first rows take is known a piece at a time, so the last piece is counted to its end."""
    rows: Iterator[Any] = _until_cut(reader.rows(source)) if is_cut else iter(reader.rows(source))
    first = list(import_detection.beginning(source, rows, files))
    count, done = len(first), source.done
    for _ in rows:
        if source.done != done or count >= COUNTED_ROWS:
            break
        count += 1
    else:
        return Head(first, count, is_exact=True)
    if source.done == done:
        return Head(first, None, is_exact=False)
    read_bytes = source.done if reader in choose.BINARY else done  # those say what they have read behind the rows
    return Head(first, max(count, round(count * source.size / read_bytes)), is_exact=False)


def _facts(file: File, source: Source, reader: choose.Reader) -> dict[str, Any]:
    packed = f", packed with {source.packed}" if source.packed else ""
    encoding = "" if reader in choose.BINARY else source.encoding
    return {
        "name": file.name,
        "written_as": import_counts.written_as(source, reader) + packed,
        "encoding": encoding,
        "encoding_label": encodings.label(encoding) if encoding else "",
        "bytes": source.size,
    }


def _row_count(heads: list[Head], facts: list[dict[str, Any]], files: list[File]) -> dict[str, Any]:
    """How many rows all files have, by those that were looked at."""
    counts = [head.count for head in heads if head.count is not None]
    if len(counts) < len(heads):
        return {"rows": None, "exact": False}
    if len(heads) == len(files):
        return {"rows": sum(counts), "exact": all(head.is_exact for head in heads)}
    looked_at = sum(int(file["bytes"]) for file in facts)
    total = sum(file.path.stat().st_size for file in files)
    return {"rows": round(sum(counts) * total / looked_at), "exact": False}


def _reading(sample: Sample, given: dict[str, Any] | None) -> tuple[dict[str, Any] | None, Format | None]:
    """The mapping in plain values, and the format by which rows would be judged: given, detected or guessed.

    Raises UnreadableError for files that no mapping could help.
    """
    if given is not None:
        return given, sample.format
    if sample.format is not None:
        detected = suggestion.of_format(sample.format, sample.rows)
        return None if detected is None else detected.model_dump(), sample.format
    import_detection.not_understood(sample)
    guess = suggestion.guess(sample.rows)
    if guess is None:
        return None, None
    mapping = guess.model_dump()
    return mapping, import_detection.format_named("", mapping)


def _verdict(number: int, row: Any, row_format: Format | None) -> dict[str, Any]:
    verdict = row if row_format is None else detection.judge(row, row_format)
    if isinstance(verdict, Rejection):
        return {"row": number, "verdict": "rejected", "rule": verdict.rule, "value": verdict.value, "fix": verdict.fix}
    if not isinstance(verdict, detection.Accepted):
        values = import_detection.plain(row)
        return {"row": number, "verdict": "unknown", "values": values, "repairs": []}
    return {
        "row": number,
        "verdict": "repaired" if verdict.repairs else "accepted",
        "values": verdict.values,
        "repairs": sorted(verdict.repairs),
    }


def shown(verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first rows, long values cut; when none of them is rejected and others are, the first of those comes last."""
    first = verdicts[:SHOWN_ROWS]
    rejected = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
    if rejected and rejected[0] not in first:
        first.append(rejected[0])
    return [{name: first_rows.shortened(value) for name, value in verdict.items()} for verdict in first]


def _counts(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    rules = Counter(verdict["rule"] for verdict in verdicts if "rule" in verdict)
    words = ("accepted", "repaired", "rejected")
    return {"looked_at": len(verdicts), **{word: counts[word] for word in words}, "rules": dict(rules.most_common())}


if __name__ == "__main__":
    contract.run(work)
