"""Recipes over REST: their schema, and what is wrong with one."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.fields import Answer, Body
from engine.data import datasets
from engine.models import models
from engine.recipes import by_name
from engine.recipes.recipe import Recipe
from engine.train import check

router = APIRouter(prefix="/recipes", tags=["runs"])


class RecipeBody(Body):
    recipe: Recipe = Field(
        description="Everything that decides the training. Models, datasets and runs by their ids or their names."
    )

    def with_ids(self) -> Recipe:
        """The recipe, with ids in place of names. Raises TunesmithError for a name of nothing, or of several."""
        return by_name.with_ids(self.recipe)


class ProblemAnswer(Answer):
    field: str = Field(description="The recipe's field it is about.")
    message: str = Field(description="What is the matter.")
    hint: str = Field(description="What to do about it.")
    level: Literal["error", "warning"] = Field(description="error: it will not start. warning: it may disappoint.")
    instead: dict[str, Any] = Field(description="Values of fields that fix it; empty where there is a choice.")


@router.get("/schema", summary="Schema of a recipe")
def recipe_schema() -> dict[str, Any]:
    """JSON Schema of a recipe: every field with its type, limits, default and meaning."""
    return Recipe.model_json_schema()


def problems(recipe: Recipe) -> list[ProblemAnswer]:
    """What speaks against `recipe`. Raises NotFoundError for a model or dataset that is not there."""
    found_problems = check.check(recipe, models.look_up(recipe.model_id), datasets.look_up(recipe.dataset_id))
    return [ProblemAnswer.model_validate(problem) for problem in found_problems]
