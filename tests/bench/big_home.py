"""Fills a database with far more than anybody has: thousands of runs, datasets, models, endpoints, pieces of work.

It imports nothing but `storage`, so it also fills the home of another checkout: run it as a script with that checkout
on PYTHONPATH, `python big_home.py '{"runs": 10000, ...}'`, and TUNESMITH_HOME set. Nothing that is stored here makes
the reconciler start a process.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from storage import db
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus, WorkStatus
from storage.tables import DEFAULT_PROJECT, ApiKey, Backend, Dataset, Endpoint, Lease, Metric, Model, Project, Run, Work

HOUR = 3600.0
LONG_CURVE = 100_000
CURVES = ("loss", "grad_norm", "learning_rate", "entropy", "num_tokens", "mean_token_accuracy", "epoch", "eval_loss",
          "tokens_per_second", "peak_memory")  # fmt: skip
ENDED = (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED)
WORKS = ("health", "search_index", "token_totals", "token_rows")  # the first two: what small datasets get unasked


@dataclass(frozen=True)
class Sizes:
    """How many of each."""

    runs: int = 10_000
    queued: int = 600
    datasets: int = 500
    models: int = 200
    endpoints: int = 60
    points: int = 1_000_000
    keys: int = 20
    projects: int = 10


def id_of(noun: str, number: int) -> str:
    """The same ids in each home, so that addresses need no look-up: r0 is the oldest run, d0 the oldest dataset."""
    return f"{noun[0]}{number}"


def fill(session: Session, sizes: Sizes, model_path: str = "") -> None:
    """Adds all of it, in the caller's transaction. Every model is ready and lies in `model_path`."""
    now = time.time()
    for table, rows in (
        (Project, _projects(sizes)),
        (Model, _models(sizes, model_path, now)),
        (Dataset, _datasets(sizes, now)),
        (Work, _works(sizes, now)),
        (Run, _runs(sizes, now)),
        (Metric, _points(sizes)),
        (Endpoint, _endpoints(sizes, now)),
        (Backend, _backends(sizes, now)),
        (ApiKey, _keys(sizes)),
    ):
        _add(session, table, rows)
    if sizes.queued:  # nobody's: the device is busy for as long as the home lives, and the queue stays
        _add(session, Lease, [{"holder_id": "bench", "holder_kind": "bench", "device": "cpu", "exclusive": True}])


def _add(session: Session, table: Any, rows: Sequence[dict[str, Any]] | Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == 20_000:
            session.execute(insert(table), batch)
            batch = []
    if batch:
        session.execute(insert(table), batch)


def _projects(sizes: Sizes) -> list[dict[str, Any]]:
    return [{"id": f"p{number}", "name": f"Project {number}"} for number in range(sizes.projects)]


def _models(sizes: Sizes, path: str, now: float) -> list[dict[str, Any]]:
    return [
        {
            "id": id_of("model", number),
            "source": "path",
            "source_id": f"/models/{number}",
            "name": f"organisation/model-{number}",
            "path": path or None,
            "status": ModelStatus.READY,
            "size_bytes": 270_000_000,
            "parameters": 135_000_000,
            "context_length": 2048,
            "architecture": "LlamaForCausalLM",
            "licence": "apache-2.0",
            "has_chat_template": True,
            "trainable": True,
            "created_at": now - HOUR * (sizes.models - number),
        }
        for number in range(sizes.models)
    ]


def _datasets(sizes: Sizes, now: float) -> list[dict[str, Any]]:
    """Every fifth is the second version of the one before it. None has a file: they are only listed."""
    return [_dataset(number, now - HOUR * (sizes.datasets - number)) for number in range(sizes.datasets)]


def _dataset(number: int, created_at: float) -> dict[str, Any]:
    later = number % 5 == 4
    return {
        "id": id_of("dataset", number),
        "project_id": DEFAULT_PROJECT,
        "name": f"conversations {number - later}",
        "status": DatasetStatus.READY,
        "source_name": f"part-{number}.jsonl",
        "origin": {"files": [{"name": f"part-{file}.jsonl"} for file in range(20)]},
        "family_id": id_of("dataset", number - later),
        "version": 1 + later,
        "parents": [id_of("dataset", number - 1)] if later else [],
        "operation": {"op": "add", "rows": [{"text": "one row written by hand " * 20}] * 5} if later else None,
        "columns": ["messages", "source", "language"],
        "confidence": 1.0,
        "format": "messages",
        "kind": "chat",
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "rows": 52_000,
        "accepted": 1_000 if number % 2 else 52_000,  # every other one is checked unasked, and was
        "created_at": created_at,
    }


def _works(sizes: Sizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.datasets):
        for kind in WORKS:
            subject = id_of("dataset", number)
            yield {
                "id": f"w{number}-{WORKS.index(kind)}",
                "kind": kind,
                "subject_id": subject,
                "key": hashlib.sha256(f"{kind} {subject}".encode()).hexdigest(),
                "spec": {"edition": 1, "path": f"/blobs/{number}.parquet", "kind": "chat", "against": []},
                "status": WorkStatus.SUCCEEDED,
                "result": {"rows": 52_000, "histogram": [{"from": step, "rows": step} for step in range(100)]},
                "created_at": now - HOUR,
                "ended_at": now - 10,
            }


def _runs(sizes: Sizes, now: float) -> Iterator[dict[str, Any]]:
    """The newest wait in the queue."""
    for number in range(sizes.runs):
        queued = number >= sizes.runs - sizes.queued
        dataset, model = id_of("dataset", number % sizes.datasets), id_of("model", number % sizes.models)
        created_at = now - 60.0 * (sizes.runs - number)
        yield {
            "id": id_of("run", number),
            "project_id": DEFAULT_PROJECT,
            "name": f"training {number}",
            "model_id": model,
            "dataset_id": dataset,
            "recipe": RECIPE | {"model_id": model, "dataset_id": dataset},
            "status": RunStatus.QUEUED if queued else ENDED[number % len(ENDED)],
            "step": 0 if queued else 1_000,
            "max_steps": None if queued else 1_000,
            "loss": None if queued else 1.25,
            "tokens_per_second": None if queued else 800.0,
            "facts": {} if queued else FACTS,
            "artifact": "adapter" if not queued and number % len(ENDED) < 3 else None,
            "created_at": created_at,
            "started_at": None if queued else created_at,
            "ended_at": None if queued else created_at + 50,
        }


def _points(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One long curve of run r0, if there are points enough; the others get ten curves of a thousand points each."""
    long = LONG_CURVE if sizes.points >= 2 * LONG_CURVE else 0
    yield from (
        {"run_id": id_of("run", 0), "name": "loss", "step": at, "value": 3 / (1 + at / 9)} for at in range(long)
    )
    for number in range((sizes.points - long) // (1_000 * len(CURVES))):
        for name in CURVES:
            for step in range(1_000):
                yield {"run_id": id_of("run", number + 1), "name": name, "step": step, "value": 3 / (1 + step / 9)}


def _endpoints(sizes: Sizes, now: float) -> list[dict[str, Any]]:
    return [
        {
            "id": id_of("endpoint", number),
            "project_id": DEFAULT_PROJECT,
            "name": f"endpoint-{number}",
            "active_backend_id": f"b{number}v1",
            "previous_backend_id": f"b{number}v0",
            "created_at": now - HOUR * (sizes.endpoints - number),
            "stopped_at": now,
        }
        for number in range(sizes.endpoints)
    ]


def _backends(sizes: Sizes, now: float) -> list[dict[str, Any]]:
    return [
        {
            "id": f"b{number}v{version}",
            "endpoint_id": id_of("endpoint", number),
            "kind": "transformers",
            "model_id": id_of("model", number % sizes.models),
            "adapters": [id_of("run", (number * 5 + more) % sizes.runs) for more in range(3)],
            "options": {},
            "status": EndpointStatus.STOPPED,
            "served_names": [f"endpoint-{number}", f"endpoint-{number}:base"],
            "created_at": now - HOUR + version,
            "ended_at": now,
        }
        for number in range(sizes.endpoints)
        for version in range(2)
    ]


def _keys(sizes: Sizes) -> list[dict[str, Any]]:
    return [{"id": f"k{number}", "name": f"key {number}", "sha256": f"{number:064}"} for number in range(sizes.keys)]


# About as long as what the studio stores with a run.
RECIPE: dict[str, Any] = {
    "method": "sft",
    "num_train_epochs": 3.0,
    "learning_rate": 0.0002,
    "lora_r": 16,
    "lora_alpha": 32,
    "per_device_train_batch_size": 4,
    "max_length": 1024,
    "lr_scheduler_type": "linear",
    "lr_scheduler_kwargs": " " * 1500,
    "seed": 42,
}
FACTS: dict[str, Any] = {
    "device": "cpu",
    "versions": {name: "1.2.3" for name in ("torch", "transformers", "trl", "peft", "accelerate", "datasets")},
    "trainable_parameters": 4_884_480,
    "origins": {name: "preset: small" for name in ("learning_rate", "lora_r", "lora_alpha", "max_length")},
    "notes": ["Attempt 1: the machine was restarted. It was resumed by itself."] * 5,
}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    path = asked.pop("model_path", "")
    db.prepare()
    with db.session() as one_transaction:
        fill(one_transaction, Sizes(**asked), path)
