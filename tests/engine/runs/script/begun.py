"""Runs whose training has begun, as files and rows: what a script is made of. No torch."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from engine.recipes.methods import METHODS
from engine.rows.heldout import record
from storage import db, home
from storage.tables import Run, RunFacts
from tests.engine.exports.trained_runs import add_run

FACTS: dict[str, Any] = {
    "device": "cpu",
    "dtype": "float32",
    "python": "3.11.7",
    "torch": "2.13.0+cpu",
    "transformers": "5.20.1",
    "trl": "1.16.0",
    "peft": "0.21.2",
    "rows": 3,
    "eval_rows": 0,
    "max_length": 128,
    "fast_loss": True,
    "packing": False,
    "attention": "sdpa",
    "gradient_checkpointing": False,
    "liger_kernel": False,
    "torch_compile": False,
    "strategy": "none",
    "processes": 1,
    "threads": 1,
}


def begun_run(base: Path, facts: dict[str, Any] | None = None, name: str = "Jokes, v2", **recipe: Any) -> Run:
    """A run on the model in `base` that has trained. `facts` beside the usual ones."""
    run = add_run(base, **recipe)
    kind = METHODS[run.recipe["method"]].kinds[0]
    folder = home.run_folder(run.id)
    spec = {
        "recipe": run.recipe,
        "model_path": str(base),
        "dataset_path": str(folder / "rows of it.parquet"),
        "dataset_kind": kind,
        "adapter_path": None,
        "companion": {"path": str(folder / "asked"), "adapter": None},
        "device": "cpu",
        "attempt": 1,
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    record.empty().write(folder)
    write_tokens(folder / "rows")
    run.name, run.max_steps, run.facts = name, run.step, RunFacts.model_validate(FACTS | (facts or {}))
    with db.session() as session:
        session.merge(run)
    return run


def respecified(run: Run, **values: Any) -> None:
    """Changes what the run was told."""
    file = home.run_folder(run.id) / "spec.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def write_tokens(folder: Path) -> Path:
    """Three rows as tokens, in two batches."""
    folder.mkdir(parents=True)
    schema = pa.schema(
        {"input_ids": pa.list_(pa.int32()), "labels": pa.list_(pa.int32()), "position": pa.int64()},
    )
    rows = [{"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}, {"input_ids": [4], "labels": [4]}]
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in (rows, [{"input_ids": [5, 6], "labels": [5, 6]}]):
            numbered = [{**row, "position": number} for number, row in enumerate(batch)]
            writer.write_batch(pa.RecordBatch.from_pylist(numbered, schema=schema))
    (folder / "a.json").write_text("{}")
    return folder
