"""Writes a dataset for other programs: `python -m engine.workers.data.export SPEC.json OUT/`.

Spec: {"path", "kind", "name", "train_rows", "form", "file": jsonl | parquet, "packed": "" | gz | zst}, see
engine.rows.export.forms. Leaves one file in OUT, under its name only when it is whole.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.rows.export import file, forms
from engine.rows.shape import operation
from engine.rows.store import columns
from engine.workers import contract
from engine.workers.data import shape


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Writes the file; the result says how many rows are in it, and how many did not fit into the form."""
    export = _Export(spec, out)
    path = out / f"export.{spec['file']}{'.' if spec['packed'] else ''}{spec['packed']}"
    part = path.with_name(path.name + ".part")
    try:
        rows = export.write(part)
        if not rows:
            raise contract.WorkFailedError("data", "No row fits into this form.", "Choose another form.")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return {"file": path.name, "rows": rows, "left_out": export.left_out, "bytes": path.stat().st_size} | {
        "columns_left_out": sorted(export.columns_left_out)
    }


class _Export:
    """One export under way."""

    def __init__(self, spec: dict[str, Any], out: Path) -> None:
        self._spec, self._form = spec, forms.FORMS[spec["form"]]
        self._parent = shape.parent_of(spec)
        passes = 2 if spec["file"] == "parquet" else 1
        self._workspace = operation.Workspace(out, shape.Progress(out, passes * self._parent.rows))
        self.left_out = 0
        self.columns_left_out: set[str] = set()

    def write(self, path: Path) -> int:
        """How many rows were written."""
        if self._spec["file"] == "jsonl":
            return file.write_jsonl(path, self._rows(), self._spec["packed"])
        shapes = file.Shapes()
        for row in self._rows():
            shapes.see(row)
        self.columns_left_out = shapes.left_out
        return file.write_parquet(path, self._rows(), shapes)

    def _rows(self) -> Iterator[forms.Row]:
        self.left_out = 0
        for batch in self._workspace.read(self._parent):
            for row in columns.plain(batch):
                exported = forms.written(row, self._form, self._parent.kind)
                if exported is None:
                    self.left_out += 1
                else:
                    yield exported


if __name__ == "__main__":
    contract.run(work)
