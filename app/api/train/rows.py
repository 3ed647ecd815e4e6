"""What a training makes of the rows of its dataset, over REST: counted in the background, guessed meanwhile."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer
from app.api.train.recipes import RecipeBody
from engine.data import datasets, row_counts
from engine.errors import RefusedError
from engine.models import models
from storage.statuses import WorkStatus

router = APIRouter(prefix="/recipes", tags=["runs"])


class RecipeRowsAnswer(Answer):
    status: WorkStatus = Field(description="Of the counting: queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far the counting is, 0 to 1; null when unknown.")
    error: str | None = Field(description="Why the counting failed.")
    source: Literal["counted", "estimate"] | None = Field(
        description="counted: exactly what the training will find. estimate: from the texts, or as another model reads "
        "them, until then. null: nothing is known, and all numbers are 0."
    )
    rows: int = Field(description="Rows of the dataset.")
    kept: int = Field(description="Rows that are learnt from, cut or not.")
    cut: int = Field(description="Rows with something to learn that are longer than max_length and cut at the end.")
    untrainable: int = Field(description="Rows left out: nothing to learn within max_length, or too long to be judged.")
    refused: int = Field(description="Rows left out: the chat template refuses them.")
    without_room: int = Field(description="Rows left out: no prompt that leaves room for max_completion_length (gkd).")
    max_length: int = Field(description="Tokens that a row may have; of methods that answer prompts, a prompt.")
    better_length: int = Field(description="The max_length that keeps whole as many rows as the model can read.")
    keeps_whole: int = Field(description="How many rows are whole with better_length.")


@router.post("/rows", summary="Count the rows of a training", responses=NOT_FOUND)
def count_rows(body: RecipeBody) -> RecipeRowsAnswer:
    """Rows that will be learnt from, cut or left out at the recipe's length, by its method and the model's template.

    The first call begins to count; ask again until `status` is succeeded. Another length needs no other counting.
    """
    recipe = body.with_ids()
    model, dataset = models.look_up(recipe.model_id), datasets.look_up(recipe.dataset_id)
    counting = row_counts.find_work(recipe, model, dataset) or row_counts.begin(recipe, model, dataset)
    if counting is None:
        hint = "POST /api/runs/check says why not."
        raise RefusedError("The rows of this recipe cannot be counted.", hint)
    counts = row_counts.counted(recipe, model, dataset) or row_counts.guessed(recipe, model, dataset)
    numbers = {name: getattr(counts, name) for name in NUMBERS} if counts else dict.fromkeys(NUMBERS, 0)
    return RecipeRowsAnswer(
        status=counting.status,
        progress=counting.progress,
        error=counting.error,
        source=("counted" if counts.exact else "estimate") if counts else None,
        keeps_whole=counts.best if counts else 0,
        **numbers,
    )


NUMBERS = ("rows", "kept", "cut", "untrainable", "refused", "without_room", "max_length", "better_length")
