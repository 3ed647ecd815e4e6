"""Trainings and base models from the command line: started, and waited for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import presets as cli_presets
from app.cli import recipe as cli_recipe
from app.cli import running_studio
from app.cli.called import RUN, ProjectName
from engine.errors import TunesmithError
from engine.models import models
from engine.recipes import recipe
from engine.runs import runs
from storage.statuses import RUN_MOVING, ModelStatus, RunStatus
from storage.tables import DEFAULT_PROJECT

NameOption = Annotated[str | None, typer.Option("--name", help="What lists show; the file's name when left out.")]


def train(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe, as the Train page saves it.")],
    name: NameOption = None,
    project: ProjectName = DEFAULT_PROJECT,
    preset: cli_presets.PresetOption = None,
    start_from: Annotated[str, typer.Option(help="A finished run whose weights it begins with.", **RUN)] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")] = False,
) -> None:
    """Start a training. A studio that is running takes it; without one this command does the work and waits."""
    text = cli_recipe.text_of(recipe_file)
    with running_studio.engine(follow) as waiting:
        train_recipe, source = cli_presets.recipe_of(text, preset or [])
        train_recipe = recipe.parse(train_recipe.model_dump() | ({"start_from": start_from} if start_from else {}))
        run = runs.start_run(name or recipe_file.stem, train_recipe, project, source=source)
        typer.echo(f"run {run.id} {run.status}")
        if waiting:
            run = running_studio.follow(lambda: runs.look_up(run.id), _is_over, _run_line, typer.echo)
    if waiting and run.status != RunStatus.SUCCEEDED:
        raise TunesmithError(run.error or f"The run ended as {run.status}.", run.hint or "")


def add_model(
    source: Annotated[str, typer.Argument(help="starter, a folder, or an id on the hub.")] = "starter",
) -> None:
    """Fetch a base model and wait until it is ready."""
    with running_studio.engine(True):
        if source == "starter":
            model = models.add_model("starter")
        else:
            folder = Path(source)
            model = (
                models.add_model("path", str(folder.absolute())) if folder.is_dir() else models.add_model("hub", source)
            )
        finished = running_studio.follow(
            lambda: models.look_up(model.id), lambda row: row.status != ModelStatus.QUEUED, _model_line, typer.echo
        )
    if finished.status == ModelStatus.FAILED:
        raise TunesmithError(finished.error or "The model could not be fetched.", finished.hint or "")


def _is_over(run: Any) -> bool:
    return run.status not in RUN_MOVING


def _run_line(run: Any) -> str:
    loss = f" loss {run.loss:.4f}" if run.loss is not None else ""
    return f"{run.status} step {run.step}/{run.max_steps or '?'}{loss}"


def _model_line(row: Any) -> str:
    progress = f" {row.progress:.0%}" if row.progress is not None else ""
    return f"model {row.id} {row.status} {row.stage}{progress}".rstrip()
