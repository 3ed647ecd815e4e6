"""`tunesmith export-sky`: a recipe as a SkyPilot task."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.printed import answer, as_json, say_text
from app.cli.recipe import read
from engine.errors import TunesmithError
from engine.train import sky
from storage import db


def export_sky(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe, as the Train page saves it.")],
    accelerators: Annotated[str, typer.Option(help="GPUs of each machine, as SkyPilot writes them.")] = "H100:1",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; shown when left out.")
    ] = None,
) -> None:
    """Write a training as a YAML file for `sky launch`, which runs it on machines in a cloud."""
    db.prepare()
    task = sky.for_recipe(read(recipe_file), accelerators)
    if output is None:
        answer({"path": None, "text": task})
        if not as_json():
            say_text(task)
        return
    try:
        output.write_text(task, encoding="utf-8")
    except OSError as error:
        raise TunesmithError(f"{output} cannot be written.", str(error)) from error
    answer({"path": str(output), "text": task}, f"Start it with: sky launch {output}")
