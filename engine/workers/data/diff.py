"""Compares two datasets: `python -m engine.workers.data.diff SPEC.json OUT/`.

Spec: {"before": {"path", "kind", "name", "train_rows"}, "after": the same}. Leaves changed.npy, added.npy and
removed.npy in OUT: positions of rows, see engine.rows.shape.diff.
"""

from pathlib import Path
from typing import Any

from engine.rows.shape import diff, operation
from engine.workers import contract
from engine.workers.data import shape


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Finds what differs. The counts are the result."""
    before, after = shape.parent_of(spec["before"]), shape.parent_of(spec["after"])
    difference = diff.compare(before, after, operation.Workspace(out, shape.Progress(out, before.rows + after.rows)))
    difference.save(out)
    return {name: len(positions) for name, positions in difference._asdict().items()}


if __name__ == "__main__":
    contract.run(work)
