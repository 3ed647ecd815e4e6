"""Makes the recorded curves again: `python -m tests.curves.record [NAME ...]`, all of them in some five minutes.

Each is a training by the studio's own worker, as the shim starts it. What it reported is kept beside its recipe in
NAME.json: curves as [step, value], facts as the run would have them. Times and memory differ from machine to machine.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.process import events
from engine.process.plan import WORKERS
from engine.recipes.methods import METHODS
from tests import tiny
from tests.curves.trainings import TRAININGS, Training
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import spec, write_rows
from tests.workers.warm import Program

FOLDER = Path(__file__).parent
DIGITS = 5
LEFT_OUT = ("started_at", "python")  # facts of the machine, which say nothing of the curve


def main(names: list[str]) -> None:
    """Trains those, or all."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tiny.make(work / "tiny")
        for name, training in TRAININGS.items():
            if not names or name in names:
                record(name, training, work)


def record(name: str, training: Training, work: Path) -> None:
    """Trains one and writes its file."""
    recorded = _train(name, training, work)
    (FOLDER / f"{name}.json").write_text(_as_text(name, training, recorded))
    print(f"{name}: {recorded[-1].kind}", flush=True)


def _train(name: str, training: Training, work: Path) -> list[events.Event]:
    """What the worker said; of two attempts when the training is resumed."""
    model = work / "tiny"
    if training.base:
        model = work / training.base / "model"
        if not model.exists():
            _train(training.base, TRAININGS[training.base], work)
    out = work / name
    out.mkdir(exist_ok=True)
    rows = _rows(training, out)
    recorded = _run(training, spec(model, rows, training.kind, **training.recipe), out)
    if training.resumed_with:
        newest = max((out / "checkpoints").glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))
        (out / "stop.request").unlink(missing_ok=True)
        again = spec(model, rows, training.kind, newest, **(training.recipe | training.resumed_with))
        recorded = _run(training, again, out)
    return recorded


def _rows(training: Training, folder: Path) -> Path:
    if training.kind in ("chat", "text"):
        return write_rows(folder, training.kind, training.rows)
    return store_rows(folder, training.kind, training.rows)


def _run(training: Training, values: dict[str, Any], out: Path) -> list[events.Event]:
    file = out / "spec.json"
    file.write_text(json.dumps(values))
    module = training.worker or WORKERS[values["recipe"]["method"]]
    with Program(module, [str(file), str(out)], os.environ | {"OMP_NUM_THREADS": "1"}, out / "output.log"):
        pass  # until it has ended
    return events.read(out)[0]


def _as_text(name: str, training: Training, recorded: list[events.Event]) -> str:
    recipe = spec(Path("tiny"), Path("rows"), training.kind, **training.recipe)["recipe"]
    curves: dict[str, dict[int, float]] = {}
    facts: dict[str, Any] = {}
    max_steps = None
    for event in recorded:
        match event:
            case events.Started():
                facts |= event.facts
                max_steps = event.total_steps
            case events.Step():
                for metric, value in event.metrics.items():
                    if value - value == 0:  # finite, as engine.runs.ingest keeps them
                        curves.setdefault(metric, {})[event.step] = float(f"{value:.{DIGITS}g}")
            case events.Finished() | events.Failed():
                facts["ending"] = event.model_dump(mode="json", exclude={"at"})
            case events.Note():
                facts.setdefault("notes", []).append(event.message)
    head = {
        "name": name,
        "about": training.about,
        "recipe": {field: value for field, value in recipe.items() if field in training.recipe or value is not None},
        "facts": {field: value for field, value in facts.items() if field not in LEFT_OUT},
        "max_steps": max_steps,
    }
    lines = [json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "curves": {']
    pairs = [
        f"  {json.dumps(metric)}: {json.dumps(sorted(points.items()))}" for metric, points in sorted(curves.items())
    ]
    return "\n".join([*lines, ",\n".join(pairs), " }", "}", ""])


def read(name: str) -> dict[str, Any]:
    """A recorded training."""
    recorded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return recorded


def kinds_of(method: str) -> str:
    return METHODS[method].kinds[0]


if __name__ == "__main__":
    main(sys.argv[1:])
