"""Trainings from the command line: started, and waited for."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import presets as cli_presets
from app.cli import recipe as cli_recipe
from app.cli import running_studio
from app.cli.called import RUN, ProjectName
from app.cli.printed import answer, say
from app.cli.runs.facts import facts
from app.cli.runs.following import watched
from engine.recipes import recipe
from engine.runs import runs
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
        say(f"run {run.id} {run.status}")
        if waiting:
            watched(run.id)
        else:
            answer(facts(run))
