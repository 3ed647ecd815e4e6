"""Imports a file of training data: `python -m engine.workers.import_data SPEC.json OUT/`.

Spec: {"source": path, "name": the file's own name}. Reads row by row in constant memory, judges each row, and leaves in
OUT: rows.parquet (what is trained on), rejected.jsonl (the other rows, with rule, value and fix) and summary.json.
Everything is written under a .part name first, so that what has its own name is whole.

accepted + repaired + rejected = rows: `accepted` took no repair, `repaired` are trained on as well.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from engine import events
from engine.data import columnar, formats, not_yet
from engine.data.errors import UnreadableError
from engine.data.readers import choose
from engine.data.source import Source
from engine.data.verdict import Format, Rejection
from engine.workers import contract

ROWS, REJECTED, SUMMARY = "rows.parquet", "rejected.jsonl", "summary.json"
LOOKED_AT_ROWS = 1000
LOOKED_AT_BYTES = 16 << 20
PROGRESS_SECONDS = 0.5
ENCODINGS = {"utf-8": "UTF-8", "cp1252": "Latin-1 (Windows-1252)"}
GUIDE = "The formats are listed in docs/guide/formats.md; rename the columns to those of one of them."


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Imports one file. Raises WorkFailedError (category data) when it cannot be read at all."""
    for name in (ROWS, REJECTED, SUMMARY):
        for leftover in (out / name, _part(out / name)):
            leftover.unlink(missing_ok=True)
    source = None
    try:
        source = Source(Path(spec["source"]))
        return _imported(source, str(spec["name"]), out)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error
    finally:
        for name in (ROWS, REJECTED):
            _part(out / name).unlink(missing_ok=True)
        if source is not None:
            source.close()


def _imported(source: Source, name: str, out: Path) -> dict[str, Any]:
    reader = choose.choose(source, name)
    events.append(out, events.Started(facts={"reader": reader.name, "encoding": source.encoding}))
    found = reader.rows(source)
    looked_at = list(_beginning(source, found))
    mostly = formats.detect(looked_at)
    if mostly is None:
        return _not_understood(looked_at)
    tally = _Tally(out, source)
    _judged(chain(looked_at, found), mostly, tally)
    return tally.result(mostly, _notes(source, reader, name))


def _beginning(source: Source, rows: Iterator[Any]) -> Iterator[Any]:
    """The first rows, as many as it takes to know the format and as fit into memory."""
    for count, row in enumerate(rows, 1):
        yield row
        if count >= LOOKED_AT_ROWS or source.done > LOOKED_AT_BYTES:
            return


def _not_understood(rows: list[Any]) -> dict[str, Any]:
    """No row is in a known format: either a person can map the columns, or the file is of no use yet."""
    columns = formats.columns_of(rows)
    rejected = [rule for row in rows if isinstance(row, dict) and (rule := not_yet.rule(row))]
    broken = [row for row in rows if isinstance(row, Rejection)]
    if rejected:
        raise UnreadableError("The studio cannot train on such rows yet.", Rejection(rejected[0]).fix)
    if not rows:
        raise UnreadableError("The file has no rows.", "Choose a file that has rows in it.")
    if not columns and broken:
        raise UnreadableError(f"No row can be read. The first: {broken[0].value or broken[0].rule}", broken[0].fix)
    if not columns:
        raise UnreadableError("The rows have no named columns.", Rejection("not_an_object").fix)
    listed = ", ".join(f"`{column[:60]}`" for column in columns)
    message = f"It is not clear which columns to learn from. Columns found: {listed}."
    return {"status": "needs_mapping", "columns": columns, "error": message, "hint": GUIDE}


def _judged(rows: Iterator[Any], mostly: Format, tally: "_Tally") -> None:
    with ExitStack() as stack:
        writer = stack.enter_context(columnar.Writer(_part(tally.out / ROWS), mostly.kind))
        rejected = stack.enter_context(_part(tally.out / REJECTED).open("wb"))
        for number, row in enumerate(rows, 1):
            verdict = formats.judge(row, mostly)
            if isinstance(verdict, Rejection):
                said = {"row": number, "rule": verdict.rule, "value": verdict.value, "fix": verdict.fix}
                rejected.write(orjson.dumps(said) + b"\n")
            else:
                writer.add(number, verdict.values)
            tally.count(verdict)
        writer.close()
        rejected.flush()
        os.fsync(rejected.fileno())


class _Tally:
    """Counts verdicts, and tells the studio how far the import is."""

    def __init__(self, out: Path, source: Source) -> None:
        self.out, self.source = out, source
        self.rows = self.repaired = self.rejected = 0
        self.repairs: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self._told = time.monotonic()

    def count(self, verdict: formats.Accepted | Rejection) -> None:
        self.rows += 1
        if isinstance(verdict, Rejection):
            self.rejected += 1
            self.rules[verdict.rule] += 1
        elif verdict.repairs:
            self.repaired += 1
            self.repairs.update(verdict.repairs)
        if self.rows % 256 == 0 and time.monotonic() - self._told > PROGRESS_SECONDS:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        stage = f"{self.rows:,} rows read"
        events.append(self.out, events.Progress(done=self.source.done, total=self.source.size, stage=stage))
        if contract.stop_requested(self.out):
            raise contract.Stopped

    def result(self, mostly: Format, notes: list[str]) -> dict[str, Any]:
        """Gives the files their names and says what they hold, after reading them again."""
        counts = {"rows": self.rows, "repaired": self.repaired, "rejected": self.rejected}
        counts["accepted"] = self.rows - self.repaired - self.rejected
        said = {"notes": notes, "repairs": dict(self.repairs), "rules": dict(self.rules)}
        result = {"format": mostly.name, "kind": mostly.kind, **counts}
        (self.out / SUMMARY).write_bytes(orjson.dumps({**result, **said}))
        os.replace(_part(self.out / REJECTED), self.out / REJECTED)
        if self.rejected == self.rows:
            return {"status": "failed", **result, **_all_rejected(self.rules)}
        part = _part(self.out / ROWS)
        if columnar.row_count(part) != self.rows - self.rejected:
            raise contract.WorkFailedError("disk", "The written file does not hold what was written.", "Import again.")
        sha256 = columnar.sha256_of(part)
        os.replace(part, self.out / ROWS)
        return {"status": "ready", **result, "sha256": sha256, "file": ROWS}


def _all_rejected(rules: Counter[str]) -> dict[str, str]:
    rule, count = rules.most_common(1)[0]
    return {
        "error": f"Every row was rejected, {count} of them for: {rule.replace('_', ' ')}.",
        "hint": Rejection(rule).fix,
    }


def _notes(source: Source, reader: choose.Reader, name: str) -> list[str]:
    """What a person should know about how the file was read."""
    notes = [f"Read as {reader.name}, {ENCODINGS.get(source.encoding, source.encoding.upper())}."]
    if reader is choose.PARQUET:
        notes = ["Read as Parquet."]
    if source.packed:
        notes.append("Unpacked with gzip.")
    if source.bom:
        notes.append("A byte order mark at the start was left out.")
    if not name.lower().removesuffix(".gz").endswith(reader.suffixes):
        notes.append(f"The name of the file says otherwise; its content is {reader.name}.")
    return notes


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


if __name__ == "__main__":
    contract.run(work)
