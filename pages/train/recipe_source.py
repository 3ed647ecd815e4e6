"""Where a Train form begins: what can be chosen, and the values of a draft, an earlier run or the page's address."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from engine.errors import NotFoundError, RefusedError
from engine.recipes import continuation, provenance
from engine.recipes.methods import METHODS, for_kind
from engine.recipes.recipe import Recipe, parse
from engine.sweeps import sweeps
from pages.parts import html
from pages.train.companion_choices import companion_choices
from storage import datasets, models, runs
from storage.db import reading
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model, Run

Choice = tuple[str, str]  # what is shown, the id


@dataclass(frozen=True)
class Choices:
    """What fits, as a dropdown takes it, and what does not, each with the reason in plain words."""

    models: list[Choice]
    datasets: list[Choice]
    left_out: list[tuple[str, str]]
    companions: Mapping[str, list[Choice]] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """What the form shows first: the run's name, the recipe's fields as far as they are known, and who gave them."""

    name: str
    recipe: dict[str, Any]
    given: Mapping[str, tuple[str, Any]] = field(default_factory=dict)


def choices_in(project_id: str) -> Choices:
    """The models that can be trained here and the project's datasets that are ready, newest first."""
    with reading() as session:
        all_models = models.recent(session)
        all_datasets = [*datasets.newest(session, project_id), *datasets.older(session, project_id)]
    return Choices(
        [(_model_words(model), model.id) for model in all_models if why_not_model(model) is None],
        [(_dataset_words(dataset), dataset.id) for dataset in all_datasets if why_not_dataset(dataset) is None],
        [(model.name, reason) for model in all_models if (reason := why_not_model(model))]
        + [(dataset.name, reason) for dataset in all_datasets if (reason := why_not_dataset(dataset))],
        companion_choices(project_id),
    )


def _model_words(model: Model) -> str:
    return f"{model.name} · {html.count(model.parameters)} parameters" if model.parameters else model.name


def _dataset_words(dataset: Dataset) -> str:
    version = f" · version {dataset.version}" if dataset.version > 1 else ""
    return f"{dataset.name}{version} · {dataset.kind} · {html.count(dataset.train_rows)} rows"


def why_not_model(model: Model) -> str | None:
    """Why a training cannot begin from this model; None when it can."""
    match model.status:
        case ModelStatus.QUEUED:
            return "It is still being fetched."
        case ModelStatus.FAILED:
            return model.error or "The download failed."
    return (model.untrainable_reason or "It cannot be trained here.") if model.trainable is False else None


def why_not_dataset(dataset: Dataset) -> str | None:
    """Why nothing can be learned from this dataset; None when it can."""
    match dataset.status:
        case DatasetStatus.IMPORTING:
            return "It is still being imported."
        case DatasetStatus.NEEDS_MAPPING:
            return "Its columns have no known meaning."
        case DatasetStatus.FAILED:
            return dataset.error or "It could not be imported."
    return None if dataset.train_rows else "It has no usable row."


def start_values(draft: str, query: Mapping[str, str], offered: Choices) -> Start:
    """What the form begins with: the browser's draft for this address; else an earlier run; else the address.

    With one model or dataset there is nothing to choose, and the newest dataset is the likeliest.
    """
    draft_start = _draft(draft)
    if draft_start is not None:
        return draft_start
    if query.get("from"):
        return _again(query["from"], query.get("set", ""))
    if query.get("further"):
        return _further(query["further"])
    if query.get("sweep"):
        return _of_trial(query["sweep"], query.get("trial", ""))
    model = query.get("model") or _first(offered.models)
    dataset = query.get("dataset") or _first(offered.datasets)
    method, given = _method_for(dataset)
    return Start("", {"model_id": model, "dataset_id": dataset, **method}, given)


def _first(choices: list[Choice]) -> str | None:
    return choices[0][1] if choices else None


def _method_for(dataset_id: str | None) -> tuple[dict[str, Any], dict[str, tuple[str, Any]]]:
    """The method one would try first with rows of that kind, with a learning rate to start from; and who gave them."""
    name = for_kind(kind_of(dataset_id or ""))
    if name is None or name == "sft":
        return {}, {}
    given = provenance.note_origin({}, {"method": name}, provenance.DATASET)
    rate = METHODS[name].rate("lora")
    if rate != provenance.default("learning_rate"):
        given = provenance.note_origin(given, {"learning_rate": rate}, provenance.METHOD)
    return {field: value for field, (_, value) in given.items()}, given


def kind_of(dataset_id: str) -> str | None:
    """What kind of rows a dataset has; None when it is not known."""
    with reading() as session:
        dataset = datasets.get(session, dataset_id)
    return dataset.kind if dataset else None


def _draft(text: str) -> Start | None:
    """What the page's script kept; None when there is nothing, or nothing that can be read."""
    try:
        draft = json.loads(text or "null")
    except ValueError:
        return None
    form = draft.get("form") if isinstance(draft, dict) else None
    if not isinstance(form, dict):
        return None
    recipe = {name: form[name] for name in Recipe.model_fields if name in form}
    return Start(str(draft.get("name") or ""), recipe, provenance.from_json(str(draft.get("given") or "")))


def address_with(run_id: str, changes: Mapping[str, Any]) -> str:
    """The form with the recipe of a run and these fields changed, such as a remedy. `_again` reads it."""
    return "/train?" + urlencode({"from": run_id} | ({"set": json.dumps(changes)} if changes else {}))


def _again(run_id: str, changes: str = "") -> Start:
    """The recipe of an earlier run with the fields of `changes` (a JSON object). Raises NotFoundError, RefusedError."""
    run = _run(run_id)
    start = _of_run(run, f"{run.name} again", run.recipe)
    changed = _changes(changes) if changes else {}
    if not changed:
        return start
    recipe = {**start.recipe, **changed}
    parsed = parse(recipe).model_dump()  # a value of another type is what the recipe makes of it
    changed = {name: parsed[name] for name in changed}
    given = provenance.note_origin(start.given, changed, provenance.REMARK)
    return Start(start.name, {**recipe, **changed}, given)


def _changes(text: str) -> dict[str, Any]:
    """The fields that an address sets. Never code: nobody would look for it in a form that is filled in."""
    try:
        changes = json.loads(text)
    except ValueError:
        changes = None
    if not isinstance(changes, dict):
        hint = 'It is a JSON object of recipe fields, such as {"learning_rate": 2e-05}.'
        raise RefusedError(f"`set` in the address is {text!r:.80}, which cannot be read.", hint)
    if "reward_code" in changes:
        raise RefusedError("`reward_code` cannot be set by an address.", "Write it in the form, and read it first.")
    return changes


def _further(run_id: str) -> Start:
    """A recipe that trains what an earlier run left. Raises NotFoundError; RefusedError when it left nothing."""
    run = _run(run_id)
    return _of_run(run, f"{run.name} further", continuation.recipe_for(run))


def _of_trial(sweep_id: str, number: str) -> Start:
    """The recipe of a sweep with the settings of one of its trials. Raises NotFoundError."""
    picture = sweeps.picture(sweep_id)
    trial = picture.trial(int(number)) if number.isdecimal() and len(number) < 7 else None
    if trial is None:
        raise NotFoundError(f"The sweep {picture.name} has no trial {number:.20}.", "Choose one on the Sweeps page.")
    recipe = {name: value for name, value in picture.spec.recipe.items() if name in Recipe.model_fields}
    params = {name: value for name, value in trial.params.items() if name in Recipe.model_fields}
    given = provenance.note_origin({}, params, provenance.SWEEP)
    return Start(f"{picture.name}, trial {trial.number}", {**recipe, **params}, given)


def _run(run_id: str) -> Run:
    with reading() as session:
        run = runs.get(session, run_id)
    if run is None:
        raise NotFoundError(f"There is no run {run_id} to start from.", "Choose a model and a dataset instead.")
    return run


def _of_run(run: Run, name: str, fields: Mapping[str, Any]) -> Start:
    recipe = {name: value for name, value in fields.items() if name in Recipe.model_fields}
    return Start(name, recipe, provenance.note_origin({}, recipe, provenance.named("run", run.id)))
