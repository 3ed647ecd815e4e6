"""Where a version comes from: dataset -> run -> export -> version -> alias -> endpoint, as it was when it was kept."""

from typing import Any

from sqlmodel import Session

from storage import datasets
from storage.tables import Dataset, Export, Model, Run, Work

OF_RECIPE = ("method", "tuning", "learning_rate", "num_train_epochs", "max_steps", "lora_r", "seed", "start_from")


def of_run(session: Session, run: Run, base: Model) -> dict[str, Any]:
    """What there is to know of a run, its base and its dataset, kept even if they are deleted one day."""
    dataset = datasets.get(session, run.dataset_id)
    recipe = {name: run.recipe[name] for name in OF_RECIPE if run.recipe.get(name) not in (None, "")}
    facts = {"id": run.id, "name": run.name, "step": run.step, "loss": run.loss, "ended_at": run.ended_at}
    return {
        "run": {**facts, "recipe": recipe},
        "base": of_model(base),
        "dataset": None if dataset is None else _dataset(dataset),
    }


def of_model(model: Model) -> dict[str, Any]:
    """The same of a base model."""
    return {name: getattr(model, name) for name in ("id", "name", "source", "source_id", "revision", "licence")}


def _dataset(dataset: Dataset) -> dict[str, Any]:
    facts = {name: getattr(dataset, name) for name in ("id", "name", "version", "sha256", "kind")}
    return {**facts, "rows": dataset.train_rows}


def of_export(export: Export, made_by: Work | None) -> dict[str, Any]:
    """The same of an export, with its parity."""
    result = made_by.result if made_by else {}
    return {"id": export.id, "kind": export.kind, "options": export.options, "parity": result.get("parity")}
