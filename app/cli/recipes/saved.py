"""`tunesmith recipe`: the schema of recipes, those that were saved, and what differs between two."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.called import run_id
from app.cli.printed import answer, answer_list
from app.cli.recipe import text_of
from engine.errors import NotFoundError
from engine.recipes import diff as differences
from engine.recipes import saved
from engine.recipes.recipe import Recipe
from engine.runs import runs
from storage import db

COMMANDS = typer.Typer(help="Recipes: their schema, saved ones, what differs between two.", no_args_is_help=True)

Saved = Annotated[str, typer.Argument(metavar="NAME", help="The name it was saved under.")]
RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe; model and dataset may be missing.")
]
Side = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, a saved recipe's name, or run:NAME.")]


@COMMANDS.command()
def schema() -> None:
    """Print the JSON schema of a recipe: every field, its values and what it means."""
    described = Recipe.model_json_schema()
    answer(described, json.dumps(described, indent=2))


@COMMANDS.command("list")
def list_saved() -> None:
    """List the names of the recipes that were saved."""
    answer_list(saved.names(), str, "No recipe is saved.")


@COMMANDS.command()
def show(name: Saved) -> None:
    """Print a saved recipe as YAML, as `tunesmith train` takes it once it names a model and a dataset."""
    kept = saved.look_up(name)
    answer(kept.fields, kept.text.rstrip("\n"))


@COMMANDS.command()
def save(name: Saved, recipe: RecipeFile) -> None:
    """Save a recipe under a name, over the one that has it."""
    db.prepare()
    saved.save(name, saved.read(text_of(recipe)))
    answer({"name": name, "saved": True}, f"Saved as {name}.")


@COMMANDS.command()
def rename(name: Saved, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]) -> None:
    """Give a saved recipe another name."""
    saved.rename(name, new)
    answer({"name": new, "renamed": True}, f"{name} is called {new} now.")


@COMMANDS.command()
def delete(name: Saved) -> None:
    """Delete a saved recipe. Runs that used it keep their own."""
    saved.delete(name)
    answer({"name": name, "deleted": True}, f"{name} is deleted.")


@COMMANDS.command()
def diff(left: Side, right: Side) -> None:
    """Show the fields in which two recipes differ."""
    differing = [asdict(one) for one in differences.diff(_fields(left), _fields(right))]
    answer_list(differing, lambda one: "  ".join(map(str, one.values())), "They are the same.")


def _fields(side: str) -> dict[str, Any]:
    if side.startswith("run:"):
        return runs.look_up(run_id(side)).recipe
    if Path(side).is_file():
        return saved.checked(saved.read(text_of(Path(side)))).model_dump()
    try:
        return saved.look_up(side).fields
    except NotFoundError as error:
        hint = "Name a YAML file, a saved recipe, or run:NAME."
        raise NotFoundError(f"There is neither a file nor a saved recipe `{side:.80}`.", hint) from error
