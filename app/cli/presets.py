"""Presets on the command line: listed, and filled into a recipe before it trains."""

from typing import Annotated

import typer

from engine.data import datasets
from engine.models import models
from engine.recipes import presets, recipe
from engine.recipes import provenance as origins
from engine.recipes.provenance import Source
from engine.recipes.recipe import Recipe

PresetOption = Annotated[
    list[str] | None,
    typer.Option("--preset", help="A preset that fills in what the recipe leaves at its default; can be repeated."),
]


def list_presets() -> None:
    """List the presets: what each is for, and which values it sets."""
    for one in presets.all_presets():
        typer.echo(f"{one.name:<13} {one.about}")
        for setting in one.fields:
            only = ", ".join([*setting.methods, *setting.tunings])
            typer.echo(f"    {setting.field} {setting.value}{f' ({only})' if only else ''}: {setting.why}")


def recipe_of(text: str, names: list[str]) -> tuple[Recipe, Source]:
    """The recipe in a file with presets filled in, and where its values came from. Raises TunesmithError."""
    made = recipe.from_yaml(text)
    values = made.model_dump()
    given: origins.Given = origins.give({}, values, origins.FILE)
    if names:
        subjects = models.look_up(made.model_id), datasets.look_up(made.dataset_id)
        for preset in map(presets.look_up, names):
            values, given = presets.fill(preset, values, given, *subjects)
    return recipe.parse(values), Source(origins.shown(values, given))
