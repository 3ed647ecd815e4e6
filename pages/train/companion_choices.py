"""What the dropdowns of a teacher and of a reward model offer: models of the studio and results of its runs."""

from pathlib import Path

from engine.weights import heads
from pages.parts import html
from storage import models, runs
from storage.db import reading
from storage.statuses import ModelStatus, RunStatus
from storage.tables import Model, Run

Choice = tuple[str, str]  # what is shown, the id
NO_CHOICE: Choice = ("None", "")


def companion_choices(project_id: str) -> dict[str, list[Choice]]:
    """Field -> what it may name: what answers in words as a teacher, what gives scores as a judge."""
    with reading() as session:
        ready_models = [model for model in models.recent(session) if model.status == ModelStatus.READY and model.path]
        finished_runs = [
            run for run in runs.recent(session, project_id) if run.status == RunStatus.SUCCEEDED and run.artifact
        ]
    reward_models = [model for model in ready_models if heads.gives_scores(Path(model.path or ""))]
    language_models = [model for model in ready_models if model not in reward_models]
    reward_runs = [run for run in finished_runs if run.recipe.get("method") == "reward"]
    language_runs = [run for run in finished_runs if run not in reward_runs]
    return {
        "teacher_id": [NO_CHOICE, *map(_model_choice, language_models), *map(_run_choice, language_runs)],
        "reward_model_id": [NO_CHOICE, *map(_run_choice, reward_runs), *map(_model_choice, reward_models)],
    }


def _model_choice(model: Model) -> Choice:
    size = f" · {html.count(model.parameters)} parameters" if model.parameters else ""
    return f"{model.name}{size}", model.id


def _run_choice(run: Run) -> Choice:
    return f"Run {run.name} · {run.recipe.get('method', '')}", run.id
