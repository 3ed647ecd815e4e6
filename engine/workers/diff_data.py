"""Compares two datasets: `python -m engine.workers.diff_data SPEC.json OUT/`.

Spec: {"before": {"path", "kind", "name", "train_rows"}, "after": the same}. Leaves changed.npy, added.npy and
removed.npy in OUT: positions of rows, see engine.data.shape.diff.
"""

from pathlib import Path
from typing import Any

from engine.data.shape import diff, shaping
from engine.workers import contract, shape_data


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Finds what differs. The counts are the result."""
    before, after = shape_data.parent_of(spec["before"]), shape_data.parent_of(spec["after"])
    found = diff.compare(before, after, shaping.Desk(out, shape_data.Progress(out, before.rows + after.rows)))
    found.save(out)
    return {name: len(positions) for name, positions in found._asdict().items()}


if __name__ == "__main__":
    contract.run(work)
