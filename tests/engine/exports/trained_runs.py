"""Runs with what they left, as files: adapters, whole models, checkpoints. No torch; for tests that only carry them."""

import json
from pathlib import Path
from typing import Any

from engine.recipes.recipe import Recipe
from engine.weights import checkpoints
from storage import db, home, runs
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run, RunFacts
from tests.engine.weights import model_folders

TOKENIZER = {
    "tokenizer.json": "{}",
    "tokenizer_config.json": '{"eos_token": "<|im_end|>"}',
    "chat_template.jinja": "{{ 1 }}",
}


def add_run(base: Path, folder: Path | None = None, **recipe: Any) -> Run:
    """A run that has succeeded on the model in `base`; what it left is moved there from `folder`, or made up."""
    model = Model(source="path", source_id=str(base), name="tiny", path=str(base), status=ModelStatus.READY)
    model.licence = "apache-2.0"
    dataset = Dataset(project_id="default", name="support chats", status=DatasetStatus.FAILED)
    run = Run(project_id="default", name="Jokes, v2", model_id=model.id, dataset_id=dataset.id, recipe={}, step=8)
    run.recipe = Recipe(model_id=model.id, dataset_id=dataset.id, **recipe).model_dump()
    run.status, run.artifact = RunStatus.SUCCEEDED, "model" if recipe.get("tuning") in ("full", "freeze") else "adapter"
    run.facts, run.ended_at = RunFacts(trl="1.16.0"), 1_700_000_000
    place = home.run_folder(run.id) / run.artifact
    if folder is not None:
        place.parent.mkdir(parents=True)
        folder.rename(place)
    else:
        (write_adapter if run.artifact == "adapter" else write_model)(place, base)
    with db.session() as session:
        session.add_all([model, dataset])
        session.flush()
        session.add(run)
        session.flush()
        runs.add_metrics(session, [(run.id, name, step, 1 / step) for name in ("loss", "eval_loss") for step in (4, 8)])
    return run


def write_adapter(folder: Path, base: Path) -> None:
    """As PEFT and transformers leave it: with the base's folder in it."""
    config = {"r": 12, "base_model_name_or_path": str(base), "peft_type": "LORA"}
    files = {
        "adapter_config.json": json.dumps(config),
        "adapter_model.safetensors": "weights" * 100,
        "README.md": "old",
    }
    _write(folder, files | TOKENIZER)


def write_model(folder: Path, base: Path) -> None:
    model_folders.make(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_name_or_path": str(base)}))
    (folder / "README.md").write_text("old")


def add_checkpoint(run: Run, step: int, whole: bool = True) -> Path:
    """A checkpoint with an adapter, and with what only resuming needs."""
    folder = checkpoints.folder_of(home.run_folder(run.id)) / f"checkpoint-{step}"
    write_adapter(folder, Path("/models/base"))
    _write(folder, {"optimizer.pt": "o", "rng_state.pth": "r", "trainer_state.json": "{}", "scheduler.pt": "s"})
    if whole:
        checkpoints.write_manifest(folder, step)
    return folder


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
