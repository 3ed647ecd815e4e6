"""The books of an import: verdicts counted, files with their rows, how far it is, and what it leaves."""

import gc
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from engine.process import events
from engine.rows.mapping.judged_rows import Judged
from engine.rows.readers import choose
from engine.rows.readers.source import Source
from engine.rows.store import columnar
from engine.rows.verdict import Format, Rejection
from engine.workers import contract

ROWS, REJECTED, SUMMARY = "rows.parquet", "rejected.jsonl", "summary.json"
INDEX = "rejected.jsonl.index"
PROGRESS_SECONDS = 0.5
COLLECT_SECONDS = 10
ENCODINGS = {"utf-8": "UTF-8", "cp1252": "Latin-1 (Windows-1252)"}


class Tally:
    """Counts verdicts, and tells the studio how far the import is. `size`: bytes of all its files."""

    def __init__(self, out: Path, size: int) -> None:
        self.out, self.size = out, size
        self.rows = self.repaired = self.rejected = 0
        self.repairs: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.files: list[dict[str, Any]] = []
        self.remarks: list[str] = []  # about the import as a whole
        self._notes: dict[tuple[str, ...], list[str]] = {}
        self._before = 0  # bytes of the files that are done
        self._reported = self._collected = time.monotonic()

    def begin(self, name: str, source: Source, reader: choose.Reader) -> None:
        """The next file."""
        self.files.append({"name": name, "rows": 0})
        self._notes.setdefault(tuple(_notes(source, reader, name)), []).append(name)

    def end(self, source: Source) -> None:
        self._before += source.size

    def count(self, verdicts: Judged, done: int) -> None:
        """Verdicts on the next rows; `done` bytes of the file were read for them. Raises Stopped when asked to."""
        self.rows += verdicts.rows
        self.files[-1]["rows"] += verdicts.rows
        self.repaired += verdicts.repaired
        self.rejected += len(verdicts.rejected)
        self.repairs.update(verdicts.repairs)
        self.rules.update(verdicts.rules)
        if time.monotonic() - self._reported > PROGRESS_SECONDS:
            self._report(self._before + done)

    def _report(self, done: int) -> None:
        self._reported = time.monotonic()
        if self._reported - self._collected > COLLECT_SECONDS:
            gc.collect()
            self._collected = self._reported
        stage = f"{self.rows:,} rows read"
        events.append(self.out, events.Progress(done=min(done, self.size), total=self.size, stage=stage))
        if contract.stop_requested(self.out):
            raise contract.Stopped

    def notes(self) -> list[str]:
        """What a person should know about how the files were read."""
        if len(self.files) == 1:
            return [*(note for notes in self._notes for note in notes), *self.remarks]
        return [*(f"{_named(names)}: {' '.join(notes)}" for notes, names in self._notes.items()), *self.remarks]

    def result(self, main_format: Format, sha256: str) -> dict[str, Any]:
        """Gives the files their names and says what they hold, after a look at what was written."""
        counts = {"rows": self.rows, "repaired": self.repaired, "rejected": self.rejected}
        counts["accepted"] = self.rows - self.repaired - self.rejected
        details = {"notes": self.notes(), "repairs": dict(self.repairs), "rules": dict(self.rules), "files": self.files}
        result = {"format": main_format.name, "kind": main_format.kind, **counts, "files": self.files}
        (self.out / SUMMARY).write_bytes(orjson.dumps({**result, **details}))
        for name in (REJECTED, INDEX):
            os.replace(part(self.out, name), self.out / name)
        if self.rejected == self.rows:
            return {"status": "failed", **result, **_all_rejected(self.rules)}
        rows = part(self.out, ROWS)
        if columnar.row_count(rows) != self.rows - self.rejected:
            raise contract.WorkFailedError("disk", "The written file does not hold what was written.", "Import again.")
        os.replace(rows, self.out / ROWS)
        return {"status": "ready", **result, "sha256": sha256, "file": ROWS}


def part(out: Path, name: str) -> Path:
    """Where a file is written until it is whole."""
    return out / f"{name}.part"


def _named(names: list[str]) -> str:
    return f"`{names[0]}`" if len(names) == 1 else f"{len(names)} files, from `{names[0]}` to `{names[-1]}`"


def _all_rejected(rules: Counter[str]) -> dict[str, str]:
    if not rules:
        return {"error": "The file has no rows.", "hint": "Choose a file that has rows in it."}
    rule, count = rules.most_common(1)[0]
    return {
        "error": f"Every row was rejected, {count} of them for: {rule.replace('_', ' ')}.",
        "hint": Rejection(rule).fix,
    }


def _notes(source: Source, reader: choose.Reader, name: str) -> list[str]:
    notes = [f"Read as {reader.name}, {ENCODINGS.get(source.encoding, source.encoding.upper())}."]
    if reader in choose.BINARY:
        notes = [f"Read as {reader.name}."]
    if source.packed:
        notes.append(f"Unpacked with {source.packed}.")
    if source.bom:
        notes.append("A byte order mark at the start was left out.")
    if not choose.unpacked_name(name).endswith(reader.suffixes):
        notes.append(f"The name of the file says otherwise; its content is {reader.name}.")
    return notes
