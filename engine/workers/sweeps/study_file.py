"""Writes a sweep as a study of Optuna: `python -m engine.workers.sweeps.study_file SPEC.json OUT/`.

Spec: {"name", "study": a Study as JSON}. Leaves OUT/sweep.db, which `optuna.load_study` opens. Result: {"trials": how
many}. Trials that still run are left out: in a file nobody would ever end them.
"""

import shutil
from pathlib import Path
from typing import Any

from engine.process import events
from engine.sweeps.study import Study
from engine.workers import contract

FILE = "sweep.db"  # engine.sweeps.asking knows it by this name


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Written aside and moved, so that half a file is never seen."""
    from engine.workers.sweeps import stored_study  # noqa: PLC0415  (a broken install becomes a Failed event)

    scratch = out / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    study = Study.model_validate_json(spec["study"])
    count = stored_study.write(scratch / FILE, spec["name"], study, lambda done, total: _report(out, done, total))
    (scratch / FILE).replace(out / FILE)
    shutil.rmtree(scratch)
    return {"trials": count}


def _report(out: Path, done: int, total: int) -> None:
    events.append(out, events.Progress(done=done, total=total, stage=f"{done} of {total} trials written"))
    if contract.stop_requested(out):
        raise contract.Stopped


if __name__ == "__main__":
    contract.run(work)
