"""From what OpenAI's API says of a training to the studio's recipe, and back."""

from typing import Any

from engine.finetuning.wrong import ParameterError
from engine.recipes import continuation, provenance
from engine.recipes.fields.adapters import Adapters
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe, parse
from storage.tables import Run, TuningJob

METHOD = {"supervised": "sft", "dpo": "dpo"}
MOST_ROWS_AT_ONCE = 8  # of a batch on a device; a larger batch is added up
# Which parameter of a job a field of the recipe comes from.
PARAMETERS = {
    "model_id": "model",
    "start_from": "model",
    "dataset_id": "training_file",
    "num_train_epochs": "n_epochs",
    "learning_rate": "learning_rate_multiplier",
    "per_device_train_batch_size": "batch_size",
    "gradient_accumulation_steps": "batch_size",
    "beta": "beta",
    "seed": "seed",
}
HYPERPARAMETERS = ("n_epochs", "learning_rate_multiplier", "batch_size", "beta")


def recipe_for(job: TuningJob, dataset_id: str, earlier: Run | None = None) -> Recipe:
    """The recipe of a job. `earlier` is the run it goes on from. Raises RefusedError, ParameterError."""
    fields: dict[str, Any] = {"model_id": job.model_id, "dataset_id": dataset_id, "method": METHOD[job.method]}
    fields["seed"] = job.seed
    if earlier is not None:
        before = continuation.recipe_for(earlier)
        fields |= {name: before[name] for name in (*Adapters.model_fields, "start_from") if name in before}
    tuning = str(fields.get("tuning", provenance.default("tuning")))
    chosen = job.hyperparameters
    rate = METHODS[fields["method"]].rate(tuning) * chosen.get("learning_rate_multiplier", 1)
    if rate > 1:
        text = f"`learning_rate_multiplier` makes a learning rate of {rate:g}. At most 1 is taken."
        raise ParameterError(text, parameter(job, "learning_rate"))
    fields["learning_rate"] = rate
    if "n_epochs" in chosen:
        fields["num_train_epochs"] = chosen["n_epochs"]
    if "batch_size" in chosen:
        fields |= _batch(chosen["batch_size"])
    if "beta" in chosen:
        fields["beta"] = chosen["beta"]
    return parse(fields)


def origins(job: TuningJob, recipe: Recipe, earlier: Run | None = None) -> dict[str, str]:
    """Where each value that is not at its default came from: the job, the method, or the run it goes on from."""
    usual = {} if "learning_rate_multiplier" in job.hyperparameters else {"learning_rate": provenance.METHOD}
    continued = (*Adapters.model_fields, "start_from") if earlier is not None else ()
    known = dict.fromkeys(continued, provenance.named("run", earlier.id if earlier else "")) | usual
    return {name: known.get(name, provenance.JOB) for name in provenance.changed(recipe.model_dump())}


def parameter(job: TuningJob, field: str) -> str | None:
    """Where a client has written what a field of the recipe comes from."""
    name = PARAMETERS.get(field)
    return f"method.{job.method}.hyperparameters.{name}" if name in HYPERPARAMETERS else name


def _batch(rows: int) -> dict[str, int]:
    """The rows of a step: as many at once as divide them and a device may be given, the rest added up."""
    at_once = next(part for part in range(min(rows, MOST_ROWS_AT_ONCE), 0, -1) if rows % part == 0)
    return {"per_device_train_batch_size": at_once, "gradient_accumulation_steps": rows // at_once}


def in_use(job: TuningJob, run: Run | None) -> dict[str, Any]:
    """The hyperparameters as OpenAI shows them: `auto` until the run has its recipe, then what is used."""
    names = HYPERPARAMETERS if job.method == "dpo" else HYPERPARAMETERS[:-1]
    if run is None:
        return {name: job.hyperparameters.get(name, "auto") for name in names}
    recipe, method = run.recipe, METHODS[METHOD[job.method]]
    beta = recipe.get("beta")
    known = {
        "n_epochs": _whole(recipe.get("num_train_epochs", 1)),
        "learning_rate_multiplier": job.hyperparameters.get("learning_rate_multiplier", 1.0),
        "batch_size": recipe.get("per_device_train_batch_size", 1) * recipe.get("gradient_accumulation_steps", 1),
        "beta": method.beta if beta is None else beta,
    }
    return {name: known[name] for name in names}


def _whole(number: float) -> float:
    return int(number) if float(number).is_integer() else number
