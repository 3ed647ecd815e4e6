"""Presets, saved recipes and the difference of two recipes over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, RowId
from engine.recipes import diff, presets, provenance
from engine.recipes import saved as saved_recipes
from engine.recipes.provenance import SUBJECTS
from engine.runs import runs
from storage import datasets, db, models

router = APIRouter(prefix="/recipes", tags=["runs"])

PresetName = Annotated[str, Path(alias="name", max_length=40, description="The preset's name, as the list shows it.")]
SavedName = Annotated[str, Path(alias="name", max_length=60, description="The name it was saved under.")]
Fields = dict[str, Any]


class SettingAnswer(Answer):
    field: str = Field(description="The recipe's field.")
    value: bool | int | float | str = Field(description="The value it gets.")
    why: str = Field(description="The reason.")
    methods: tuple[str, ...] = Field(description="The methods it is for; empty for all.")
    tunings: tuple[str, ...] = Field(description="The tunings it is for; empty for all.")
    least_rows: int = Field(description="The rows there have to be for it.")


class PresetAnswer(Answer):
    name: str = Field(description="What it is called by.")
    about: str = Field(description="What it is for.")
    architectures: tuple[str, ...] = Field(description="The architectures it is for; empty with `models` for all.")
    models: tuple[str, ...] = Field(description="Words in the name of a model that it is for.")
    fields: tuple[SettingAnswer, ...] = Field(description="What it sets. Of two that fit, the later counts.")


class FieldsBody(Body):
    recipe: Fields = Field(description="Fields of a recipe; what is left out is at its default.")


class AppliedAnswer(Answer):
    recipe: Fields = Field(description="The recipe with the preset in it.")
    origins: dict[str, str] = Field(description="Where each value that is not the default came from.")


class SavedAnswer(Answer):
    name: str = Field(description="The name it was saved under.")
    fields: Fields = Field(description="Its fields, defaults included.")
    text: str = Field(description="The same as YAML: what `tunesmith train` takes.")
    saved_at: float = Field(description="Seconds since 1970, UTC.")


class NewNameBody(Body):
    name: str = Field(min_length=1, max_length=60, description="The new name.")


class DiffBody(Body):
    left: Fields | None = Field(default=None, description="Fields of a recipe; none is the default recipe.")
    right: Fields | None = Field(default=None, description="Fields of the other recipe.")
    left_run: RowId | None = Field(default=None, description="A run, instead of `left`: its recipe.")
    right_run: RowId | None = Field(default=None, description="A run, instead of `right`: its recipe.")


class DifferenceAnswer(Answer):
    field: str = Field(description="The field that differs.")
    left: Any = Field(description="Its value on the left; the default where it is left out.")
    right: Any = Field(description="Its value on the right.")


@router.get("/presets", summary="List presets")
def list_presets() -> list[PresetAnswer]:
    """Every preset with what it sets and why: those for a purpose, then those for a family of models."""
    return [
        PresetAnswer(
            name=preset.name,
            about=preset.about,
            architectures=preset.meant.architectures,
            models=preset.meant.models,
            fields=tuple(SettingAnswer.model_validate(setting) for setting in preset.fields),
        )
        for preset in presets.all_presets()
    ]


@router.post("/presets/{name}/apply", summary="Apply a preset", responses=NOT_FOUND)
def apply_preset(name: PresetName, body: FieldsBody) -> AppliedAnswer:
    """The recipe with the preset's values in it, no longer than its model reads, and where the values came from."""
    preset = presets.look_up(name)
    recipe = _complete_recipe(body.recipe)
    with db.reading() as session:
        model = models.get(session, str(recipe.get("model_id") or ""))
        dataset = datasets.get(session, str(recipe.get("dataset_id") or ""))
    updated_recipe, given = presets.choose(preset, recipe, {}, model, dataset)
    return AppliedAnswer(
        recipe=_complete_recipe(updated_recipe), origins=provenance.origins_to_show(updated_recipe, given)
    )


def _complete_recipe(fields: Fields) -> Fields:
    """All fields of a recipe that holds, model and dataset as far as they are named. Raises RefusedError."""
    complete = saved_recipes.checked(fields).model_dump()
    return {name: value for name, value in complete.items() if name not in SUBJECTS or fields.get(name)}


@router.get("/saved", summary="List saved recipes")
def list_saved() -> list[str]:
    """The names of the recipes that were saved."""
    return saved_recipes.names()


@router.get("/saved/{name}", summary="Show a saved recipe", responses=NOT_FOUND)
def show_saved(name: SavedName) -> SavedAnswer:
    """A saved recipe, as fields and as YAML."""
    return SavedAnswer.model_validate(saved_recipes.look_up(name))


@router.get("/saved/{name}/yaml", summary="Download a saved recipe", response_class=Response, responses=NOT_FOUND)
def download_saved(name: SavedName) -> Response:
    """The file itself, to be kept or given away."""
    saved_recipe = saved_recipes.look_up(name)
    headers = {"content-disposition": 'attachment; filename="recipe.yaml"'}
    return Response(saved_recipe.text, media_type="application/yaml", headers=headers)


@router.put("/saved/{name}", summary="Save a recipe", responses=CONFLICT)
def save_recipe(name: SavedName, body: FieldsBody) -> SavedAnswer:
    """Keeps a recipe under a name, over the one that has it. It need not say which model and dataset."""
    return SavedAnswer.model_validate(saved_recipes.save(name, body.recipe))


@router.patch("/saved/{name}", summary="Rename a saved recipe", responses=NOT_FOUND | CONFLICT)
def rename_saved(name: SavedName, body: NewNameBody) -> SavedAnswer:
    """Gives a saved recipe another name."""
    saved_recipes.rename(name, body.name)
    return SavedAnswer.model_validate(saved_recipes.look_up(body.name))


@router.delete("/saved/{name}", status_code=204, summary="Delete a saved recipe", responses=NOT_FOUND)
def delete_saved(name: SavedName) -> None:
    """Deletes a saved recipe. Runs that used it keep their own."""
    saved_recipes.delete(name)


@router.post("/diff", summary="Compare two recipes", responses=NOT_FOUND)
def diff_recipes(body: DiffBody) -> list[DifferenceAnswer]:
    """The fields that differ, in the order of the form."""
    left, right = _side(body.left, body.left_run), _side(body.right, body.right_run)
    return [DifferenceAnswer.model_validate(difference) for difference in diff.diff(left, right)]


def _side(fields: Fields | None, run_id: str | None) -> Fields:
    return runs.look_up(run_id).recipe if run_id else _complete_recipe(fields or {})
