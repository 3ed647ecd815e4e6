"""Presets on the command line: listed, and filled into a recipe before it trains."""

from typing import Annotated

import typer

from app.cli.completion import names
from app.cli.printed import as_json, say, say_json
from engine.data import datasets
from engine.models import models
from engine.recipes import by_name, presets, provenance, recipe
from engine.recipes.provenance import Source
from engine.recipes.recipe import Recipe

PresetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        help="A preset that fills in what the recipe leaves at its default; can be repeated.",
        autocompletion=names.of("preset"),
    ),
]


def list_presets() -> None:
    """List the presets: what each is for, and which values it sets."""
    if as_json():
        return say_json(presets.all_presets())
    for listed_preset in presets.all_presets():
        say(f"{listed_preset.name:<13} {listed_preset.about}")
        for setting in listed_preset.fields:
            only = ", ".join([*setting.methods, *setting.tunings])
            say(f"    {setting.field} {setting.value}{f' ({only})' if only else ''}: {setting.why}")
    return None


def recipe_of(text: str, names: list[str]) -> tuple[Recipe, Source]:
    """The recipe in a file with presets filled in, and where its values came from. Raises TunesmithError."""
    file_recipe = by_name.with_ids(recipe.from_yaml(text))
    values = file_recipe.model_dump()
    given: provenance.Given = provenance.note_origin({}, values, provenance.FILE)
    if names:
        subjects = models.look_up(file_recipe.model_id), datasets.look_up(file_recipe.dataset_id)
        for preset in map(presets.look_up, names):
            values, given = presets.fill(preset, values, given, *subjects)
    return recipe.parse(values), Source(provenance.origins_to_show(values, given))
