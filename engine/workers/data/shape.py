"""Makes a dataset out of others: `python -m engine.workers.data.shape SPEC.json OUT/`.

Spec: {"operation": {"op": ...}, "parents": [{"path", "kind", "name", "train_rows"}]}, see engine.rows.shape. Leaves
rows.parquet and summary.json in OUT, each whole as soon as it has its name.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from engine.process import events
from engine.rows.shape import operations
from engine.rows.shape.operation import Parent, Shaping, Workspace
from engine.rows.store import columnar
from engine.rows.verdict import Kind
from engine.workers import contract

ROWS, SUMMARY = "rows.parquet", "summary.json"
PROGRESS_SECONDS = 0.5


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Runs one operation. Raises RefusedError for parents that do not go together, WorkFailedError for no rows."""
    operation = operations.parse(spec["operation"])
    parents = [parent_of(parent) for parent in spec["parents"]]
    part = out / (ROWS + ".part")
    part.unlink(missing_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="shape-", dir=out) as scratch:
            workspace = Workspace(
                Path(scratch), Progress(out, operation.passes() * sum(parent.rows for parent in parents))
            )
            rows, sha256 = _written(operation, parents, workspace, part)
        return _result(operation.kind(parents), rows, sha256, workspace, out)
    finally:
        part.unlink(missing_ok=True)


def parent_of(parent: dict[str, Any]) -> Parent:
    if not parent["path"] or not Path(parent["path"]).exists():
        raise contract.WorkFailedError("data", "A dataset it is made from has been deleted.", "Start from another.")
    return Parent(Path(parent["path"]), parent["kind"], parent["name"], parent["train_rows"])


def _written(operation: Shaping, parents: list[Parent], workspace: Workspace, part: Path) -> tuple[int, str]:
    """How many rows there are, and the sha256 of their file."""
    with columnar.Writer(part, operation.kind(parents)) as writer:
        for batch in operation.run(parents, workspace):
            if batch.num_rows:
                writer.add_batch(batch)
        writer.close()
    if not writer.rows:
        raise contract.WorkFailedError(
            "data",
            f"No row is left of {sum(parent.rows for parent in parents):,}.",
            "Loosen the conditions, and try again.",
        )
    return writer.rows, writer.sha256


def _result(kind: Kind, rows: int, sha256: str, workspace: Workspace, out: Path) -> dict[str, Any]:
    counts = {"rows": rows, "accepted": rows, "repaired": 0, "rejected": 0}
    result = {"format": "shaped", "kind": kind, **counts, "notes": workspace.notes, "changed": workspace.changed}
    (out / SUMMARY).write_bytes(orjson.dumps({**result, "repairs": {}, "rules": {}}))
    os.replace(out / (ROWS + ".part"), out / ROWS)
    return {"status": "ready", **result, "sha256": sha256, "file": ROWS}


class Progress:
    """Tells how many rows were read, and ends the work when somebody asks for it."""

    def __init__(self, out: Path, total: int) -> None:
        self._out, self._total, self._done, self._reported = out, total, 0, time.monotonic()

    def __call__(self, rows: int) -> None:
        self._done += rows
        if time.monotonic() - self._reported < PROGRESS_SECONDS:
            return
        self._reported = time.monotonic()
        done = min(self._done, self._total)
        events.append(self._out, events.Progress(done=done, total=self._total, stage=f"{done:,} rows read"))
        if contract.stop_requested(self._out):
            raise contract.Stopped


if __name__ == "__main__":
    contract.run(work)
