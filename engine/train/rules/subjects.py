"""Whether the model and the dataset are there, and fit each other and the method."""

from pathlib import Path

from engine.recipes import methods
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model

KINDS = {name: method.kinds for name, method in methods.METHODS.items()}  # of dataset that a method learns from


def _model(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if model.status == ModelStatus.QUEUED:
        yield Problem("model_id", f"The model {model.name} is still being fetched.", "Start again when it is ready.")
    elif model.status == ModelStatus.FAILED:
        yield Problem("model_id", f"The download of the model {model.name} failed.", "Retry it on the Models page.")
    elif not model.path or not (Path(model.path) / "config.json").is_file():
        hint = "Put the folder back, or delete the model and add it again."
        yield Problem("model_id", f"The folder of the model {model.name} is gone: {model.path}.", hint)
    elif model.trainable is False:
        reason = model.untrainable_reason or "It cannot be trained here."
        yield Problem("model_id", f"The model {model.name} cannot be trained. {reason}", "Choose another model.")


def _dataset(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    name = dataset.name
    if dataset.status == DatasetStatus.IMPORTING:
        yield Problem("dataset_id", f"The dataset {name} is still being imported.", "Start again when it is ready.")
    elif dataset.status == DatasetStatus.NEEDS_MAPPING:
        yield Problem("dataset_id", f"The dataset {name} has unknown columns.", "Map its columns on the Data page.")
    elif dataset.status == DatasetStatus.FAILED:
        yield Problem("dataset_id", f"The dataset {name} could not be imported.", "Import it again on the Data page.")
    elif dataset.train_rows < 1:
        yield Problem("dataset_id", f"The dataset {name} has no usable row.", "See its rejected rows on the Data page.")
    else:
        yield from _kind(recipe, model, dataset)


def _kind(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    accepted = KINDS[recipe.method]
    if dataset.kind not in accepted:
        others = " or ".join(method for method, kinds in KINDS.items() if dataset.kind in kinds)
        hint = f"Choose the method {others}, or another dataset." if others else "Choose another dataset."
        message = f"The method {recipe.method} learns from {' or '.join(accepted)} rows; {dataset.name} has "
        yield Problem("method", f"{message}{dataset.kind or 'unknown'} rows.", hint)
    elif dataset.kind == "chat" and model.has_chat_template is False:
        hint = "Choose an instruct or chat version of the model, or a dataset of prompts and completions."
        yield Problem("model_id", f"{model.name} has no chat template, so it cannot read the chats.", hint)


def _length(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    context = model.context_length
    if context and recipe.max_length > context:
        # The worker cuts at the context by itself, so this is no error.
        message = f"max_length is {recipe.max_length} tokens, and {model.name} reads at most {context}: "
        yield Problem("max_length", f"{message}longer rows are cut there.", f"Use {context} or less.", "warning")


RULES = (_model, _dataset, _length)
