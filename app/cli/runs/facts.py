"""What the commands tell programs of a run."""

from typing import Any

from storage.tables import Run

SHOWN = ("id", "project_id", "name", "status", "method", "model_id", "dataset_id", "step", "max_steps", "loss",
         "tokens_per_second", "eta_seconds", "tags", "note", "favourite", "archived", "created_at", "started_at",
         "ended_at", "seconds", "error", "hint")  # fmt: skip


def facts(run: Run) -> dict[str, Any]:
    """A run as JSON takes it; times in seconds since 1970."""
    return {name: getattr(run, name) for name in SHOWN}
