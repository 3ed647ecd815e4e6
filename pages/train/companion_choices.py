"""What the dropdowns of a teacher and of a reward model offer: models of the studio and results of its runs."""

from pathlib import Path

from engine.recipes import auxiliary_models
from pages.parts import html
from storage import models, runs
from storage.db import reading
from storage.statuses import ModelStatus, RunStatus
from storage.tables import Model, Run

Choice = tuple[str, str]  # what is shown, the id
NOBODY: Choice = ("None", "")


def companion_choices(project_id: str) -> dict[str, list[Choice]]:
    """Field -> what it may name: what answers in words as a teacher, what gives scores as a judge."""
    with reading() as db:
        ready = [one for one in models.recent(db) if one.status == ModelStatus.READY and one.path]
        left = [one for one in runs.recent(db, project_id) if one.status == RunStatus.SUCCEEDED and one.artifact]
    scoring = [one for one in ready if auxiliary_models.gives_scores(Path(one.path or ""))]
    speaking = [one for one in ready if one not in scoring]
    judges = [one for one in left if one.recipe.get("method") == "reward"]
    speakers = [one for one in left if one not in judges]
    return {
        "teacher_id": [NOBODY, *map(_model, speaking), *map(_run, speakers)],
        "reward_model_id": [NOBODY, *map(_run, judges), *map(_model, scoring)],
    }


def _model(model: Model) -> Choice:
    size = f" · {html.count(model.parameters)} parameters" if model.parameters else ""
    return f"{model.name}{size}", model.id


def _run(run: Run) -> Choice:
    return f"Run {run.name} · {run.recipe.get('method', '')}", run.id
