"""Small real trainings for tests: rows as Parquet, a spec, the worker as a program, and what it reported."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from engine.process import events
from engine.process.plan import WORKERS
from engine.recipes.recipe import Recipe
from tests.workers.warm import Program

ROOT = Path(__file__).resolve().parents[3]
MESSAGES = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
QUICK = {
    "model_id": "tiny",
    "dataset_id": "rows",
    "max_steps": 4,
    "learning_rate": 5e-3,
    "lora_r": 4,
    "max_length": 128,
}


def chat(*turns: str) -> list[dict[str, str]]:
    """user, assistant, user, ... in turn."""
    return [{"role": ("user", "assistant")[index % 2], "content": turn} for index, turn in enumerate(turns)]


def sums(count: int) -> list[list[dict[str, str]]]:
    """Chats of differing lengths."""
    return [
        chat(f"What is {n} plus {n * n}?" + " Please." * (n % 5), f"{n + n * n}." * (1 + n % 3)) for n in range(count)
    ]


def write_rows(folder: Path, kind: str, rows: list[Any]) -> Path:
    """`rows` are lists of messages, (prompt, completion) pairs or texts."""
    columns: dict[str, Any]
    match kind:
        case "chat":
            columns = {"messages": pyarrow.array(rows, MESSAGES)}
        case "completion":
            columns = {"prompt": [row[0] for row in rows], "completion": [row[1] for row in rows]}
        case _:
            columns = {"text": rows}
    path = folder / "rows.parquet"
    parquet.write_table(pyarrow.table({**columns, "row": list(range(1, len(rows) + 1))}), path)
    return path


def spec(model: Path, rows: Path, kind: str = "chat", resume_from: Path | None = None, **recipe: Any) -> dict[str, Any]:
    """What the studio writes to spec.json, for a short training."""
    return {
        "recipe": Recipe.model_validate(QUICK | recipe).model_dump(),
        "model_path": str(model),
        "dataset_path": str(rows),
        "dataset_kind": kind,
        "device": "cpu",
        "resume_from": str(resume_from) if resume_from else None,
        "attempt": 2 if resume_from else 1,
    }


def start(values: dict[str, Any], out: Path) -> Program:
    """The worker as the shim starts it, but for the time it takes to import its libraries."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "spec.json"
    file.write_text(json.dumps(values))
    # One thread: exact sums, and room for other tests.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return Program(WORKERS[values["recipe"]["method"]], [str(file), str(out)], environment, out / "output.log")


def finish(values: dict[str, Any], out: Path, code: int = 0) -> list[events.Event]:
    """Runs the worker to its end and returns everything it said."""
    with start(values, out) as process:
        assert process.wait(timeout=280) == code, (out / "output.log").read_text()[-3000:]
    return events.read(out)[0]


OF_THE_MACHINE = ("second", "runtime", "data_wait", "memory")


def steps(recorded: list[events.Event]) -> dict[int, dict[str, float]]:
    """The metrics of each step without those that measure the machine: time, waiting, memory."""
    points: dict[int, dict[str, float]] = {}
    for event in recorded:
        if isinstance(event, events.Step):
            metrics = {
                name: value for name, value in event.metrics.items() if not any(word in name for word in OF_THE_MACHINE)
            }
            points.setdefault(event.step, {}).update(metrics)
    return points


def only(recorded: list[events.Event], kind: type[events.Event]) -> Any:
    """The last event of a kind."""
    return [event for event in recorded if isinstance(event, kind)][-1]
