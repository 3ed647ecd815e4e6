"""Whether the files of a job can be learned from. What is wrong is said of the parameter that named it."""

from engine.finetuning import files, recipes
from engine.finetuning.wrong import ParameterError
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe
from engine.train import check
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Model, TuningJob

FORMS = {
    "supervised": "chats (`messages`) or prompts with their completions",
    "dpo": "preferences (`input`, `preferred_output`, `non_preferred_output`)",
}


def refuse_file(job: TuningJob, dataset: Dataset, param: str) -> None:
    """Raises ParameterError for a file that was read and cannot be used."""
    if dataset.status != DatasetStatus.READY:
        _, reason = files.status(dataset)
        text = f"`{param}` cannot be used. {reason} {files.left_out(dataset)}".strip()
        raise ParameterError(text, param, "invalid_file_format")
    if dataset.train_rows < 1:
        text = f"No row of `{param}` can be used. {files.left_out(dataset)}".strip()
        raise ParameterError(text, param, "invalid_file_format")
    if dataset.kind not in METHODS[recipes.METHOD[job.method]].kinds:
        text = f"`{param}` has rows of the kind {dataset.kind}, and `{job.method}` learns from {FORMS[job.method]}."
        raise ParameterError(text, param, "invalid_file_format")


def refuse_pair(training: Dataset, validation: Dataset) -> None:
    """Raises ParameterError for a validation file that does not go with the training file."""
    if training.kind != validation.kind:
        kinds = f"of the kind {validation.kind}, and `training_file` of the kind {training.kind}"
        text = f"`validation_file` has rows {kinds}."
        raise ParameterError(text, "validation_file", "invalid_file_format")
    if validation.train_rows > training.train_rows:
        text = (
            f"`validation_file` has {validation.train_rows:,} rows, and `training_file` only {training.train_rows:,}. "
            "Give at most as many rows to check as there are to learn."
        )
        raise ParameterError(text, "validation_file", "validation_file_too_large")


def refuse(job: TuningJob, recipe: Recipe, model: Model, dataset: Dataset) -> None:
    """Raises ParameterError for the first thing that would keep the training from working."""
    for problem in check.check(recipe, model, dataset):
        if problem.level == "error":
            text = f"{problem.message} {problem.hint}".strip()
            raise ParameterError(text, recipes.parameter(job, problem.field), "invalid_training")
