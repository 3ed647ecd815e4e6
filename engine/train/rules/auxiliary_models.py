"""Whether the teacher or the reward model of a training is there, and fits the model that learns."""

from pathlib import Path

from engine.errors import TunesmithError
from engine.recipes import auxiliary_models
from engine.recipes.auxiliary_models import Companion
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _companion(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    try:
        companion = auxiliary_models.of(recipe)
    except TunesmithError as error:
        yield Problem(auxiliary_models.field_in_use(recipe) or "method", error.message, error.hint)
        return
    if companion:
        yield from (_teacher if companion.field == "teacher_id" else _judge)(companion, model)


def _teacher(teacher: Companion, model: Model) -> Problems:
    if teacher.id == model.id:
        message = f"The teacher {teacher.name} is the model being trained: it cannot teach itself."
        yield Problem("teacher_id", message, "Choose a larger model of the same family.")
    elif auxiliary_models.scores(teacher):
        hint = "Choose a model that writes text."
        yield Problem("teacher_id", f"{teacher.name} is a reward model: it gives scores and writes no text.", hint)
    elif model.path and auxiliary_models.same_vocabulary(Path(model.path), teacher.tokenizer) is False:
        message = f"The teacher {teacher.name} has another vocabulary than {model.name}, so their words cannot be "
        hint = "Choose a teacher of the same model family, or let it write answers and learn from them with sft."
        yield Problem("teacher_id", f"{message}compared one by one.", hint)


def _judge(judge: Companion, model: Model) -> Problems:
    if not auxiliary_models.scores(judge):
        message = f"{judge.name} is not a reward model: it does not answer with one number."
        yield Problem("reward_model_id", message, "Choose a run of the method reward.")


RULES = (_companion,)
