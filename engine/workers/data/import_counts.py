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
from engine.rows.readers import choose, delimited, encodings
from engine.rows.readers.source import Source
from engine.rows.store import columnar
from engine.rows.verdict import Format, Rejection
from engine.workers import contract

ROWS, REJECTED, SUMMARY = "rows.parquet", "rejected.jsonl", "summary.json"
INDEX = "rejected.jsonl.index"
PROGRESS_SECONDS = 0.5
MOST_REMARKS = 60
COLLECT_SECONDS = 10


class Tally:
    """Counts verdicts, and tells the studio how far the import is.

    `size`: bytes of all its files. `chosen`: the encoding that a person has chosen for them.
    """

    def __init__(self, out: Path, size: int, chosen: str = "") -> None:
        self.out, self.size, self.chosen = out, size, chosen
        self.rows = self.repaired = self.rejected = 0
        self.repairs: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.files: list[dict[str, Any]] = []
        self.remarks: list[str] = []  # about the import as a whole
        self._notes: dict[tuple[str, ...], list[str]] = {}
        self._before = 0  # bytes of the files that are done
        self._not_utf8 = 0  # rows of these rejected for that
        self._reported = self._collected = time.monotonic()

    def begin(self, name: str, source: Source, reader: choose.Reader, split: str = "") -> None:
        """The next file, whose rows belong to a split if there are several."""
        entry = {
            "name": name,
            "rows": 0,
            "encoding": source.encoding if reader not in choose.BINARY else "",
            "split": split,
        }
        self.files.append({key: value for key, value in entry.items() if value != ""})
        self._notes.setdefault(tuple(_notes(source, reader, name, self.chosen)), []).append(name)

    def end(self, source: Source) -> None:
        """Takes down what the reader has to say, and what was not in the file's encoding if rows were rejected."""
        self._before += source.size
        rejected, self._not_utf8 = self.rules["not_utf8"] - self._not_utf8, self.rules["not_utf8"]
        broken = _broken(source) if rejected and "encoding" in self.files[-1] else []
        name = f"`{self.files[-1]['name']}`: " if len(self.files) > 1 else ""
        self.remarks += [name + remark for remark in (*source.remarks, *broken)][
            : max(0, MOST_REMARKS - len(self.remarks))
        ]

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
        remarks = [*_splits(self.files), *self.remarks]
        if len(self.files) == 1:
            return [*(note for notes in self._notes for note in notes), *remarks]
        return [*(f"{_named(names)}: {' '.join(notes)}" for notes, names in self._notes.items()), *remarks]

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


def _splits(files: list[dict[str, Any]]) -> list[str]:
    """What the splits are, if files belong to several."""
    rows: Counter[str] = Counter()
    for file in files:
        rows[file.get("split", "")] += file["rows"]
    if len(rows) < 2:
        return []
    counts = ", ".join(f"{split or 'none'} {count:,}" for split, count in rows.items())
    return [f"Rows by split, as the names of files and folders say: {counts}. Each row has its `split` beside it."]


def _broken(source: Source) -> list[str]:
    """Where a file has bytes that are not in its encoding."""
    places, line = source.broken()
    if not places:
        return []
    where = f"in line {line}" if places == 1 else f"in {places:,} places, the first in line {line}"
    return [f"Bytes that are not {encodings.label(source.encoding)} {where}: the rows with them were rejected."]


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


def written_as(source: Source, reader: choose.Reader) -> str:
    """How rows are written into the file; of a table also what stands between its cells."""
    return delimited.name_of(source) if reader is choose.TABLE else reader.name


def _notes(source: Source, reader: choose.Reader, name: str, chosen: str) -> list[str]:
    if reader in choose.BINARY:
        return [f"Read as {reader.name}.", *_name_notes(reader, name)]
    notes = [f"Read as {written_as(source, reader)}, {encodings.label(source.encoding)}."]
    if source.packed:
        notes.append(f"Unpacked with {source.packed}.")
    if source.bom:
        notes.append("A byte order mark at the start was left out.")
    if source.encoding not in encodings.UNICODE and not chosen:
        notes.append("The encoding was found by the letters. If they look wrong, choose another on the tab Mapping.")
    return notes + _name_notes(reader, name)


def _name_notes(reader: choose.Reader, name: str) -> list[str]:
    if choose.unpacked_name(name).endswith(reader.suffixes):
        return []
    return [f"The name of the file says otherwise; its content is {reader.name}."]
