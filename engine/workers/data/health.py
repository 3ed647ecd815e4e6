"""Checks the health of a dataset: `python -m engine.workers.data.health SPEC.json OUT/`.

Spec: {"path": the dataset's Parquet file, "kind", "against": [{"path", "kind", "name"}]}. Reads the rows once, a row
group at a time. Leaves CHECK.npy for each check (positions of the rows it found) and CHECK.twins.npy (the rows those
repeat); the counts and the statistics are its result.
"""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.process import events
from engine.rows.health import position_file
from engine.rows.health.batch import batches
from engine.rows.health.check import CheckContext, ComparedDataset, Finder, Findings
from engine.rows.health.checks import CHECKS
from engine.rows.health.language import Languages
from engine.rows.health.statistics import Statistics
from engine.rows.store import columnar
from engine.workers import contract

PROGRESS_SECONDS = 0.5
NICENESS = 10  # a training on the same machine goes first


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Counts per check and the statistics. Raises Stopped when asked to stop."""
    scratch = out / "scratch"
    scratch.mkdir(exist_ok=True)
    try:
        against = [
            ComparedDataset(Path(dataset["path"]), dataset["kind"], str(dataset["name"]))
            for dataset in spec.get("against", [])
        ]
        return _checked(Path(spec["path"]), spec["kind"], CheckContext(scratch, against), out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _checked(path: Path, kind: Any, context: CheckContext, out: Path) -> dict[str, Any]:
    finders = {name: check.begin(context) for name, check in CHECKS.items()}
    statistics, rows, reported = Statistics(), columnar.row_count(path), time.monotonic()
    for batch in batches(path, kind):
        statistics.see(batch)
        for finder in finders.values():
            finder.see(batch)
        if time.monotonic() - reported > PROGRESS_SECONDS:
            reported = time.monotonic()
            _report(out, batch.first + len(batch), rows)
    languages = finders["language_mix"]
    checks = _concluded(finders, out)
    language_counts = languages.counts() if isinstance(languages, Languages) else {}
    return {"rows": rows, "checks": checks, "statistics": statistics.told(language_counts)}


def _report(out: Path, done: int, rows: int) -> None:
    events.append(out, events.Progress(done=done, total=rows, stage=f"{done:,} of {rows:,} rows looked at"))
    if contract.stop_requested(out):
        raise contract.Stopped


def _concluded(finders: Mapping[str, Finder], out: Path) -> dict[str, Any]:
    return {name: _saved(name, finder.findings(), out) for name, finder in finders.items()}


def _saved(name: str, findings: Findings, out: Path) -> dict[str, Any]:
    position_file.write(out / f"{name}.npy", findings.positions)
    if findings.twins is not None:
        position_file.write(out / f"{name}.twins.npy", findings.twins)
    return {
        "found": len(findings.positions),
        "applies": findings.applies,
        "note": findings.note,
        "details": findings.details,
    }


if __name__ == "__main__":
    os.nice(NICENESS)
    contract.run(work)
