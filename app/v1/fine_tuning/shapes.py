"""Files, jobs, events and checkpoints as OpenAI's clients expect them, and lists of them."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from fastapi.responses import Response

from engine.finetuning import files, names, recipes, results, statuses
from engine.finetuning.jobs import Known
from engine.finetuning.story import Told
from storage import home
from storage.tables import Dataset, TuningFile

JSON = "application/json"


def file(row: TuningFile, dataset: Dataset) -> dict[str, Any]:
    """A file in a list. Which rows of it are left out is told of one alone, as that is read from the disk."""
    status, details = files.status(dataset)
    return {
        "id": row.id,
        "object": "file",
        "bytes": row.size_bytes,
        "created_at": int(row.created_at),
        "expires_at": None,
        "filename": row.filename,
        "purpose": "fine-tune",
        "status": status,
        "status_details": details,
    }


def whole_file(row: TuningFile, dataset: Dataset) -> dict[str, Any]:
    """A file by itself, with the rows that are left out."""
    shown = file(row, dataset)
    details = f"{shown['status_details'] or ''} {files.left_out(dataset)}".strip()
    return shown | {"status_details": details or None}


def result_file(known: Known) -> dict[str, Any]:
    """The numbers of a job, made as often as they are asked for."""
    ended_at = statuses.ended_at(known.job, known.run)
    return {
        "id": results.file_id(known.job),
        "object": "file",
        "bytes": sum(len(piece.encode()) for piece in results.csv_lines(known)),
        "created_at": int(ended_at or known.job.created_at),
        "expires_at": None,
        "filename": results.FILENAME,
        "purpose": "fine-tune-results",
        "status": "processed",
        "status_details": None,
    }


def job(known: Known) -> dict[str, Any]:
    return jobs([known])[0]


def jobs(listed: Sequence[Known]) -> list[dict[str, Any]]:
    tokens = results.trained_tokens(listed)
    return [_job(known, tokens.get(known.job.id)) for known in listed]


def _job(known: Known, trained_tokens: int | None) -> dict[str, Any]:
    row, run, status = known.job, known.run, known.status
    ended_at = statuses.ended_at(row, run)
    hyperparameters = recipes.in_use(row, run)
    return {
        "id": row.id,
        "object": "fine_tuning.job",
        "created_at": int(row.created_at),
        "finished_at": int(ended_at) if ended_at is not None else None,
        "model": row.model,
        "fine_tuned_model": row.model_name if status == "succeeded" and run is not None and run.artifact else None,
        "organization_id": row.project_id,
        "status": status,
        "training_file": row.training_file,
        "validation_file": row.validation_file,
        "result_files": [results.file_id(row)] if status == "succeeded" and run is not None else [],
        "method": {"type": row.method, row.method: {"hyperparameters": hyperparameters}},
        "hyperparameters": {name: value for name, value in hyperparameters.items() if name != "beta"},
        "trained_tokens": trained_tokens,
        "seed": row.seed,
        "estimated_finish": _estimated(known),
        "integrations": [],
        "metadata": row.labels,
        "suffix": row.suffix,
        "error": statuses.error(row, run),
    }


def _estimated(known: Known) -> int | None:
    run = known.run
    return int(time.time() + run.eta_seconds) if run and run.eta_seconds and known.status == "running" else None


def event(told: Told) -> dict[str, Any]:
    return {
        "id": told.id,
        "object": "fine_tuning.job.event",
        "created_at": int(told.at),
        "level": told.level,
        "message": told.message,
        "data": {name: _finite(value) for name, value in told.data.items()} if told.data else {},
        "type": "metrics" if told.data else "message",
    }


def checkpoint(known: Known, saved: Mapping[str, Any]) -> dict[str, Any]:
    """`saved`: one of engine.runs.runs.checkpoints."""
    step = int(saved["step"])
    folder: Path = home.run_folder(str(known.job.run_id)) / str(saved["folder"])
    return {
        "id": f"ftckpt-{known.job.id.removeprefix('ftjob-')}-{step}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(folder.stat().st_mtime) if folder.exists() else int(known.job.created_at),
        "fine_tuning_job_id": known.job.id,
        "fine_tuned_model_checkpoint": names.checkpoint(known.job.model_name, step),
        "step_number": step,
        "metrics": {"step": step, "train_loss": saved["loss"], "valid_loss": saved["eval_loss"]},
    }


def page(entries: Sequence[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page of a list. `entries` has one more than `limit` where the list goes on."""
    shown = list(entries[:limit])
    ids = [entry["id"] for entry in shown]
    return {
        "object": "list",
        "data": shown,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": len(entries) > limit,
    }


def answer(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
