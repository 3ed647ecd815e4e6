"""The kinds of work, as data: what a new one has to say beside its worker in engine.process.plan."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Kind:
    """What a kind of work is: how it stands in the queue, what it takes, how often it is tried, how long it is kept."""

    label: str  # what a person calls it
    is_prompt: bool = False  # somebody waits for it: it never stands in the queue
    device: Literal["alone", "beside"] | None = None  # alone: for itself, as a training; beside: as what serves
    retries: int = 1  # how often it is started again by itself when its process dies
    kept_seconds: float | None = None  # how long its result is kept; None: as long as its subject


KINDS = {
    "benchmark": Kind("benchmark", is_prompt=True, retries=0),
    "diff_data": Kind("comparison of two datasets"),
    "evaluate": Kind("report", is_prompt=True, device="beside"),  # engine.evaluate has a line of its own for them
    "export_data": Kind("export"),
    "export_gguf": Kind("conversion to GGUF"),
    "export_merged": Kind("merge"),
    "first_rows": Kind("first look at a file", is_prompt=True),
    "fit_probe": Kind("measurement", is_prompt=True, device="alone", retries=0),
    "hash_files": Kind("check of a version's files"),
    "health": Kind("health check"),
    "install_runtime": Kind("installation", is_prompt=True, retries=0),
    "look_data": Kind("first look at a hub dataset", is_prompt=True, kept_seconds=600),
    "look_hub_model": Kind("look at a hub model", is_prompt=True, retries=0, kept_seconds=600),
    "look_model": Kind("look at a model"),
    "machine_speed": Kind("measurement of this machine"),
    "parity": Kind("comparison of trained and served"),
    "preview_data": Kind("preview of a file", is_prompt=True, kept_seconds=3600),
    "preview_hub_data": Kind("preview of a hub dataset", is_prompt=True, retries=0, kept_seconds=600),
    "push_data": Kind("upload to the hub"),
    "push_export": Kind("upload to the hub"),
    "search_hub": Kind("search of the hub", is_prompt=True, retries=0, kept_seconds=600),
    "search_index": Kind("search index"),
    # It holds nothing that is not asked of it again, so it may be killed as often as you like.
    "sweep_advice": Kind("advice of a sweep", is_prompt=True, retries=10, kept_seconds=3600),
    "sweep_importance": Kind("importance of a sweep's fields", is_prompt=True, kept_seconds=24 * 3600),
    "sweep_study_file": Kind("Optuna study of a sweep", is_prompt=True, kept_seconds=3600),
    "token_lengths": Kind("count of rows"),
    "token_rows": Kind("token view", is_prompt=True, kept_seconds=24 * 3600),
    "token_totals": Kind("token count"),
}


def same_work(kind: str, subject_id: str, spec: dict[str, Any]) -> str:
    """The key by which work that was done before is found again."""
    return hashlib.sha256(json.dumps([kind, subject_id, spec], sort_keys=True).encode()).hexdigest()
